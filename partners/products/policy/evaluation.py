"""Evaluation of a credit policy over the facts of one application: pure, and quick enough for hundreds of products."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from partners.products.policy.document import PolicyText, RandomArm, Rule
from partners.products.policy.facts import FACTS, GRADES

INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a policy does not want an application: the failed rule's code, its fact, and the reason's key for `texts`."""

    code: str
    fact: str
    reason: str


@dataclass(frozen=True, slots=True)
class Test:
    """A rule made ready. A Decimal is compared with `exact`, anything else with `bound`: 0.1 is not Decimal("0.1")."""

    fact: str
    holds: Callable[[Any, Any], bool]
    bound: Any
    exact: Any
    failed: Exclusion
    missing: Exclusion


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy made ready to be evaluated many times."""

    tests: tuple[Test, ...]
    arm: RandomArm | None = None


def _within(value: object, values: frozenset[object]) -> bool:
    return value in values


def _outside(value: object, values: frozenset[object]) -> bool:
    return value not in values


_HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne, "in": _within, "not_in": _outside,
}  # fmt: skip


def compile_policy(text: PolicyText | Mapping[str, object]) -> Policy:
    """Make a policy ready: its text, or the same as stored JSON. `KeyError` for a fact that is not declared."""
    known = text if isinstance(text, PolicyText) else msgspec.convert(text, PolicyText)
    return Policy(tuple(_test(rule) for rule in known.all), known.random_arm)


def _test(rule: Rule) -> Test:
    reason = FACTS[rule.fact].reason
    exact: Any
    if isinstance(rule.value, list):
        bound: Any = frozenset(rule.value)
        exact = frozenset(_exact(value) for value in rule.value)
    else:
        bound, exact = rule.value, _exact(rule.value)
    return Test(
        rule.fact, _HOLDS[rule.op], bound, exact,
        failed=Exclusion(rule.code, rule.fact, reason),
        missing=Exclusion(f"missing_{rule.fact}", rule.fact, INCOMPLETE),
    )  # fmt: skip


def _exact(value: float | str) -> Decimal | str:
    return value if isinstance(value, str) else Decimal(str(value))


def evaluate(policy: Policy, facts: Mapping[str, object]) -> tuple[Exclusion, ...]:
    """Return every reason against an application, in the policy's order and each once; none where it is wanted.

    A fact that is absent or None fails as "missing_<fact>".
    """
    against: dict[str, Exclusion] = {}
    for test in policy.tests:
        value = facts.get(test.fact)
        if value is None:
            against[test.missing.code] = test.missing
        elif not test.holds(value, test.exact if type(value) is Decimal else test.bound):
            against[test.failed.code] = test.failed
    return tuple(against.values())


def offered_grades(policy: Policy) -> tuple[str, ...]:
    """Return the grades that the rules over the grade let pass."""
    tests = [test for test in policy.tests if test.fact == "grade"]
    return tuple(grade for grade in GRADES if all(test.holds(grade, test.bound) for test in tests))
