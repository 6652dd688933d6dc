"""What is sealed: what the platform knows of a case, and what a lender receives of it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from hub.crypto import DataKey
from partners.referrals.models import Case, Referral
from partners.referrals.shapes import DecisionView, ReasonView
from risk.scoring.facade import AffordabilityView, Evidence

Value = float | str | None


class Known(msgspec.Struct, frozen=True):
    """What a case keeps under the platform's key of the person."""

    facts: dict[str, Value]
    reasons: list[ReasonView]
    affordability: AffordabilityView | None = None
    evidence: Evidence | None = None


class ScorePart(msgspec.Struct, frozen=True):
    """The platform's decision, as the lender receives it: reasons in order, the weightiest first.

    `affordability` is null in packages from before it was judged. `evidence` names the data sources whose values stand
    among the facts, those that it was made `without`, and facts such as `sanctions_hit` that entered no score; it is
    null in packages from before there were any.
    """

    decision_id: UUID
    pd_12m: str
    grade: str
    recommended_action: str
    reasons: list[ReasonView]
    affordability: AffordabilityView | None = None
    evidence: Evidence | None = None


class Package(msgspec.Struct, frozen=True):
    """What one lender receives: how to reach the borrower, what he said and what is known, and the score."""

    contact: dict[str, str]
    amount: Decimal
    term_months: int
    facts: dict[str, Value]
    score: ScorePart


def seal_known(person: DataKey, case_id: UUID, facts: Mapping[str, object], decision: DecisionView) -> bytes:
    """Seal what is known of a case; `Erased` where the person was erased."""
    plain = {name: _plain(value) for name, value in facts.items()}
    known = Known(plain, list(decision.reasons), decision.affordability, decision.evidence)
    return person.seal(msgspec.json.encode(known), place=Case.place(case_id))


def _plain(value: Any) -> Value:
    if isinstance(value, int | float | Decimal):
        return float(value)
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"a fact is a number, a string or None, not {type(value).__name__}")


def open_known(case: Case) -> Known:
    """Open what is known of a case; `Erased` where the person was erased."""
    return msgspec.json.decode(case.person.open(bytes(case.sealed), place=Case.place(case.id)), type=Known)


def seal_package(lender_key: DataKey, referral_id: UUID, case: Case, contact: Mapping[str, str]) -> bytes:
    """Seal the package of a case under the lender's own key of the person."""
    known = open_known(case)
    score = ScorePart(
        case.decision_id, str(case.pd_12m), case.grade, case.action, known.reasons, known.affordability, known.evidence
    )  # fmt: skip
    package = Package(dict(contact), case.amount, case.term_months, known.facts, score)
    return lender_key.seal(msgspec.json.encode(package), place=Referral.place(referral_id))


def open_package(referral: Referral) -> Package:
    """Open a package; `Erased` where the lender erased the person."""
    plain = referral.person.open(bytes(referral.package), place=Referral.place(referral.id))
    return msgspec.json.decode(plain, type=Package)
