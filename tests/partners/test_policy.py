"""The pure part of credit policies: what may be written, what it means, and what applicants are told."""

import time
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from partners.products.policy import (
    FACTS,
    GRADES,
    PROTECTED,
    PROXIES,
    REASONS,
    Exclusion,
    PolicyText,
    compile_policy,
    evaluate,
    faults,
    offered_grades,
    reason_text,
)
from risk.features.facade import read_mapping
from risk.learning import shipped
from risk.scoring.bands import BANDS, CURRENT


def rule(fact: str = "monthly_income", op: str = ">=", value: Any = 8000, code: str = "a_rule") -> dict[str, Any]:
    return {"fact": fact, "op": op, "value": value, "code": code}


def text(*rules: dict[str, Any]) -> PolicyText:
    return msgspec.convert({"all": list(rules)}, PolicyText)


def against(facts: dict[str, Any], *rules: dict[str, Any]) -> list[str]:
    return [found.code for found in evaluate(compile_policy(text(*rules)), facts)]


def test_the_facts_are_those_of_the_mapping_and_the_score() -> None:
    mapping = read_mapping(shipped.mapping_text("demo_consumer"))
    features = {feature.name: feature.kind for feature in mapping.training_features}
    declared = {name: fact.kind for name, fact in FACTS.items()}
    assert declared == {**features, "grade": "category", "pd_12m": "number"}


def test_what_the_mapping_protects_is_refused_by_name() -> None:
    mapping = read_mapping(shipped.mapping_text("demo_consumer"))
    kept = {column.feature_name for column in mapping.kept_columns}
    learned = {column.feature_name for column in mapping.training_columns}
    later = {"balance_after_12_months"}
    assert kept - learned - later == {"age", "sex", "district"}
    assert kept - learned - later <= PROTECTED | PROXIES
    assert not FACTS.keys() & (PROTECTED | PROXIES)


def test_the_grades_are_the_scores() -> None:
    assert tuple(band.grade for band in BANDS[CURRENT]) == GRADES


def test_every_reason_has_its_sentence_in_three_languages() -> None:
    assert {fact.reason for fact in FACTS.values()} | {"incomplete", "affordability"} == REASONS.keys()
    for reason in REASONS:
        sentences = {reason_text(reason, language) for language in ("en", "zh-hant", "zh-hans")}
        assert len(sentences) == 3
        assert all(len(sentence) > 8 for sentence in sentences)


@pytest.mark.parametrize(
    ("wrong", "pointer", "code"),
    [
        (rule("age"), "/all/0/fact", "protected_attribute"),
        (rule("Sex", "==", "F"), "/all/0/fact", "protected_attribute"),
        (rule("district", "==", "Central"), "/all/0/fact", "proxy_attribute"),
        (rule("shoe_size"), "/all/0/fact", "unknown_fact"),
        (rule("balance_after_12_months"), "/all/0/fact", "unknown_fact"),
        (rule("housing", ">=", "rent"), "/all/0/op", "wrong_op"),
        (rule(value="8000"), "/all/0/value", "wrong_kind"),
        (rule("housing", "==", 1), "/all/0/value", "wrong_kind"),
        (rule(value=[1]), "/all/0/value", "wrong_form"),
        (rule("term", "in", 12), "/all/0/value", "wrong_form"),
        (rule("term", "in", []), "/all/0/value", "wrong_form"),
        (rule("grade", "in", ["A", "F"]), "/all/0/value", "unknown_grade"),
        (rule("pd_12m", "<=", 5), "/all/0/value", "out_of_range"),
        (rule(code="missing_income"), "/all/0/code", "reserved_code"),
    ],
)
def test_what_may_not_be_written(wrong: dict[str, Any], pointer: str, code: str) -> None:
    (fault,) = faults(text(wrong))
    assert (fault.pointer, fault.code) == (pointer, code)
    assert fault.detail.endswith(".")


def test_every_fault_is_named() -> None:
    found = faults(text(rule("age"), rule(code="twice"), rule("x", code="b_rule"), rule(code="twice")))
    assert [(one.pointer, one.code) for one in found] == [
        ("/all/0/fact", "protected_attribute"), ("/all/2/fact", "unknown_fact"), ("/all/3/code", "code_twice"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "value", "passing", "failing"),
    [
        (">=", 100, [100, 100.0, 101, Decimal("100.00")], [99.99, Decimal("99.99")]),
        ("<=", 100, [100, 99, Decimal("99.99")], [100.01, Decimal("100.01")]),
        ("==", 12, [12, 12.0, Decimal(12)], [13]),
        ("!=", 12, [13], [12, 12.0, Decimal(12)]),
        ("in", [12, 24], [12, 24.0, Decimal(12)], [13, Decimal(36)]),
        ("not_in", [12, 24], [36], [12, Decimal("24.0")]),
        (">=", 0.1, [0.1, Decimal("0.1")], [0.09, Decimal("0.0999")]),
        ("<=", 0.07, [0.07, Decimal("0.07")], [Decimal("0.070001")]),
        ("in", [0.1], [0.1, Decimal("0.1")], [Decimal("0.2")]),
    ],
)
def test_numbers(op: str, value: Any, passing: list[Any], failing: list[Any]) -> None:
    for fact in passing:
        assert against({"amount": fact}, rule("amount", op, value)) == []
    for fact in failing:
        assert against({"amount": fact}, rule("amount", op, value)) == ["a_rule"]


def test_categories() -> None:
    assert against({"housing": "rent"}, rule("housing", "in", ["rent", "owned"])) == []
    assert against({"housing": "rent"}, rule("housing", "!=", "rent")) == ["a_rule"]


def test_each_failed_rule_counts_and_a_missing_fact_once() -> None:
    rules = [
        rule("grade", "in", ["A"], "best_grade"), rule(code="income_floor"), rule(op="<=", value=90000, code="ceiling"),
        rule("term", "==", 12, "one_year"),
    ]  # fmt: skip
    found = evaluate(compile_policy(text(*rules)), {"grade": "B", "monthly_income": None, "term": 12})
    assert found == (
        Exclusion("best_grade", "grade", "score"),
        Exclusion("missing_monthly_income", "monthly_income", "incomplete"),
    )


def test_no_rule_wants_everybody() -> None:
    assert against({}) == []
    assert offered_grades(compile_policy(text())) == GRADES


def test_offered_grades() -> None:
    rules = [rule("grade", "in", ["A", "B", "C"]), rule("grade", "!=", "B"), rule()]
    assert offered_grades(compile_policy(text(*rules))) == ("A", "C")


def test_five_hundred_policies_take_few_milliseconds() -> None:
    rules = [rule("grade", "in", ["A", "B", "C"], "grade"), rule(code="income"), rule("amount", "<=", 200000)]
    rules += [rule(name, "<=", 5, name) for name in ("delinquencies_24m", "inquiries_6m", "open_accounts")]
    policies = [compile_policy(text(*rules)) for _ in range(500)]
    facts = {"grade": "A", "monthly_income": 20000.0, "amount": Decimal(90000), "delinquencies_24m": 0.0}
    facts |= {"inquiries_6m": 2.0, "open_accounts": 9.0}
    taken = []
    for _ in range(20):
        begun = time.thread_time()
        assert [evaluate(policy, facts)[0].code for policy in policies] == ["open_accounts"] * 500
        taken.append(time.thread_time() - begun)
    assert sorted(taken)[10] < 0.010
