"""The text of a credit policy: what an institution writes, and everything that may be wrong with it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

from hub.errors import FieldError
from partners.products.policy.facts import FACTS, GRADES, PROTECTED, PROXIES

RULES_MAX = 100
VALUES_MAX = 50
Op = Literal[">=", "<=", "==", "!=", "in", "not_in"]
Word = Annotated[str, Meta(max_length=100)]
Scalar = int | float | Word
SCORED = ("grade", "pd_12m")
_ORDERED = (">=", "<=")
_LISTED = ("in", "not_in")


Code = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]*\Z", extra_json_schema={"not": {"pattern": "^missing_"}}, min_length=2, max_length=60
    ),
]


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: it passes where `fact op value` is true. `code` is the institution's own name for it."""

    fact: Annotated[str, Meta(min_length=1, max_length=60, extra_json_schema={"enum": list(FACTS)})]
    op: Op
    value: Scalar | Annotated[list[Scalar], Meta(max_length=VALUES_MAX)]
    code: Code


class RandomArm(Struct, frozen=True, forbid_unknown_fields=True):
    """A small share of those whom rules over the score alone keep out: let in, so that it is seen how they repay.

    Without it a lender learns only from those whom the last model liked. Never who cannot afford the loan, or of whom
    that is not known; and like all others, only while the product's budget has room and its grid a rate.
    """

    share_percent: Annotated[float, Meta(gt=0, le=5, description="How many of them are let in, in percent.")]
    pd_max: Annotated[float, Meta(gt=0, lt=1, description="Nobody above this pd_12m is let in.")]

    @property
    def propensity(self) -> Decimal:
        """The chance to be let in, to four places."""
        return (Decimal(str(self.share_percent)) / 100).quantize(Decimal("0.0001"))


class PolicyText(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A credit policy: whoever passes all of its rules is wanted. No rule at all wants everybody."""

    all: Annotated[list[Rule], Meta(max_length=RULES_MAX)]
    random_arm: RandomArm | None = None


def faults(text: PolicyText) -> list[FieldError]:
    """Return everything that is wrong, each with its pointer and the remedy; an empty list if it may be submitted."""
    found = [fault for at, rule in enumerate(text.all) for fault in _rule_faults(rule, f"/all/{at}")]
    seen: set[str] = set()
    for at, rule in enumerate(text.all):
        if rule.code in seen:
            found.append(FieldError(f"/all/{at}/code", "code_twice", "Give each rule a code of its own."))
        seen.add(rule.code)
    return [*found, *_arm_faults(text)]


def _arm_faults(text: PolicyText) -> Iterator[FieldError]:
    if text.random_arm is None:
        return
    if not any(rule.fact in SCORED for rule in text.all):
        detail = "Leave the random arm out: without a rule over grade or pd_12m there is no cut-off to be below."
        yield FieldError("/random_arm", "no_cut_off", detail)
    if text.random_arm.propensity == 0:
        yield FieldError("/random_arm/share_percent", "too_small", "Give at least 0.01 percent.")


def _rule_faults(rule: Rule, at: str) -> Iterator[FieldError]:
    if rule.code.startswith("missing_"):
        yield FieldError(f"{at}/code", "reserved_code", "Choose another code: missing_… tells that a fact is missing.")
    if (refused := _refused_fact(rule.fact)) is not None:
        yield FieldError(f"{at}/fact", *refused)
        return
    fact = FACTS[rule.fact]
    if fact.kind == "category" and rule.op in _ORDERED:
        yield FieldError(f"{at}/op", "wrong_op", "A category has no order: use ==, !=, in or not_in.")
        return
    values = rule.value if isinstance(rule.value, list) else [rule.value]
    if isinstance(rule.value, list) != (rule.op in _LISTED) or not values:
        form = "a list of at least one value" if rule.op in _LISTED else "one value"
        yield FieldError(f"{at}/value", "wrong_form", f"Give {form} for {rule.op}.")
    elif any(isinstance(value, str) != (fact.kind == "category") for value in values):
        kind = "strings" if fact.kind == "category" else "numbers, written without quotes"
        yield FieldError(f"{at}/value", "wrong_kind", f"Values of {rule.fact} are {kind}.")
    elif rule.fact == "grade" and not set(values) <= set(GRADES):
        yield FieldError(f"{at}/value", "unknown_grade", f"Grades are {', '.join(GRADES)}.")
    elif rule.fact == "pd_12m" and not all(0 <= Decimal(str(value)) <= 1 for value in values):
        yield FieldError(f"{at}/value", "out_of_range", "pd_12m is a probability: 0 to 1.")


def _refused_fact(name: str) -> tuple[str, str] | None:
    plain = name.strip().lower()
    if plain in PROTECTED:
        return "protected_attribute", "Leave this rule out: a protected attribute may decide nothing."
    if plain in PROXIES:
        return "proxy_attribute", "Leave this rule out: it stands in for a protected attribute, and may decide nothing."
    if name not in FACTS:
        return "unknown_fact", f"Use one of: {', '.join(FACTS)}."
    return None
