"""The bodies of the referral endpoints. Money and rates are decimal strings."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, cast
from uuid import UUID

from msgspec import Meta, Struct

from hub.consent import Proof
from hub.described import only
from hub.errors import Erased, FieldError, Invalid
from hub.money import AMOUNT_SCHEMA, DIGITS, parse_amount, percent_pattern
from partners.referrals import packages, queries, terms
from partners.referrals.lender import FinalTerms, Recorded, Verdict
from partners.referrals.models import Contract, LenderDecision, Referral
from partners.referrals.packages import Package
from partners.referrals.shapes import TermsView

TERM_MAX = 480  # months
RATE_DIGITS = 4
RATE_MAX = 100
DecimalText = Annotated[str, Meta(max_length=30, extra_json_schema=AMOUNT_SCHEMA)]
PercentText = Annotated[
    str,
    Meta(
        max_length=30, description="A percentage as a decimal string, such as 12.5.",
        extra_json_schema={"pattern": percent_pattern("100", "[0-9]{1,2}")},
    ),
]  # fmt: skip
Code = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\Z", min_length=2, max_length=60)]
Codes = Annotated[list[Code], Meta(max_length=20)]
Kind = Literal["approve", "decline", "counter_offer", "ask_for_more"]
# What each kind of decision must bring, and nothing else.
BRINGS: dict[str, str] = {
    "approve": "terms", "counter_offer": "terms", "decline": "reason_codes", "ask_for_more": "asked_for",
}  # fmt: skip


class TermsBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A lender's terms: method, rounding and currency are the product's."""

    amount: DecimalText
    months: Annotated[int, Meta(ge=1, le=TERM_MAX)]
    annual_rate_percent: PercentText
    fee_upfront: DecimalText = "0"


class DecisionBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A decision: `terms` to approve or to counter, `reason_codes` of the lender's own to decline, or `asked_for`."""

    decision: Kind
    terms: TermsBody | None = None
    reason_codes: Codes = []
    asked_for: Codes = []

    RULES: ClassVar[dict[str, Any]] = {
        "oneOf": [
            only({"decision": kind}, needed={name}, of=("terms", "reason_codes", "asked_for"))
            for kind, name in BRINGS.items()
        ]
    }


class DecisionAnswer(Struct, frozen=True):
    """A recorded decision. `worse` names what made an approval a counter-offer, which needs a new acceptance."""

    id: UUID
    referral_id: UUID
    decision: Kind
    terms: TermsView | None
    worse: list[str]
    reason_codes: list[str]
    asked_for: list[str]
    decided_at: datetime
    referral_state: str


class ReferralItem(Struct, frozen=True, kw_only=True):
    """A referral as the list shows it: ids and the accepted terms, no personal data.

    `propensity` is "1.0000" where the credit policy wants the applicant, else the chance with which its random arm let
    him in: weigh such loans by its inverse where you learn from all.
    """

    id: UUID
    application_id: UUID
    product_id: UUID
    product_name: str
    product_class: str
    state: str
    terms: TermsView
    score_id: UUID
    propensity: str
    consent_id: UUID
    created_at: datetime
    expires_at: datetime
    funded_at: datetime | None


class ReferralPage(Struct):
    """One page of referrals; `next` is the address of the next one, or null."""

    items: list[ReferralItem]
    next: str | None


class ReferralAnswer(ReferralItem, frozen=True, kw_only=True):
    """A referral with its package. `package` is null once the borrower has taken his consent back."""

    package: Package | None
    decisions: list[DecisionAnswer]


class ConsentAnswer(Struct, frozen=True):
    """Proof of the consent to share with this lender; `holds` says whether it still does."""

    consent_id: UUID
    referral_id: UUID
    purpose: str
    recipient: str
    text_version: str
    given_at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None
    holds: bool


class SignatureAnswer(Struct, frozen=True):
    """How the borrower signed. `typed_name` is null once the person was erased."""

    method: str
    typed_name: str | None
    shown_at: datetime
    signed_at: datetime


class ContractAnswer(Struct, frozen=True):
    """The final terms. `terms_hash` is the SHA-256 (hex) of `text`, which is canonical JSON in UTF-8."""

    id: UUID
    referral_id: UUID
    state: str
    terms: TermsView
    text: str
    terms_hash: str
    prepared_at: datetime
    shown_at: datetime | None
    signature: SignatureAnswer | None


def read_verdict(body: DecisionBody, *, currency: str) -> Verdict:
    """Return the decision of a body; `Invalid` names every fault by its pointer."""
    given = {"terms": body.terms, "reason_codes": body.reason_codes, "asked_for": body.asked_for}
    faults = []
    for name, value in given.items():
        wanted = name == BRINGS[body.decision]
        if wanted and not value:
            faults.append(FieldError(f"/{name}", "missing", f"Send this with {body.decision}."))
        if value and not wanted:
            faults.append(FieldError(f"/{name}", "unknown_field", f"Leave it out of {body.decision}."))
    if faults:
        raise Invalid(faults)
    final = read_terms(body.terms, digits=DIGITS[currency]) if body.terms else None
    return Verdict(body.decision, final, tuple(body.reason_codes or body.asked_for))


def read_terms(body: TermsBody, *, digits: int) -> FinalTerms:
    """Return the terms of a body; `Invalid` names every fault by its pointer."""
    errors: list[FieldError] = []

    def number(name: str, text: str, places: int) -> Decimal:
        try:
            return parse_amount(text, digits=places, pointer=f"/terms/{name}")
        except Invalid as error:
            errors.extend(error.errors)
            return Decimal(0)

    amount = number("amount", body.amount, digits)
    rate = number("annual_rate_percent", body.annual_rate_percent, RATE_DIGITS)
    fee = number("fee_upfront", body.fee_upfront, digits)
    if rate > RATE_MAX:
        detail = f"Give a yearly percentage from 0 to {RATE_MAX}."
        errors.append(FieldError("/terms/annual_rate_percent", "out_of_range", detail))
    if errors:
        raise Invalid(errors)
    return FinalTerms(amount, body.months, rate, fee)


def referral_item(referral: Referral) -> ReferralItem:
    """Return a referral as the list shows it."""
    return ReferralItem(
        id=referral.id,
        application_id=referral.case_id,
        product_id=referral.product_id,
        product_name=referral.product_name,
        product_class=referral.product_class,
        state=referral.state,
        terms=terms.read(referral.terms),
        score_id=referral.decision_id,
        propensity=f"{referral.propensity:.4f}",
        consent_id=referral.consent_id,
        created_at=referral.created_at,
        expires_at=referral.expires_at,
        funded_at=referral.funded_at,
    )


def referral_answer(referral: Referral) -> ReferralAnswer:
    """Return a referral with its package; `Erased` where the person was erased."""
    item = referral_item(referral)
    return ReferralAnswer(
        **{name: getattr(item, name) for name in item.__struct_fields__},
        package=packages.open_package(referral) if referral.state != "withdrawn" else None,
        decisions=[decision_answer(row, referral) for row in queries.decisions_of(referral)],
    )


def recorded_answer(recorded: Recorded) -> DecisionAnswer:
    """Return what became of a decision."""
    return decision_answer(recorded.decision, recorded.referral)


def decision_answer(decision: LenderDecision, referral: Referral) -> DecisionAnswer:
    """Return a decision; `referral_state` is the referral's present state."""
    return DecisionAnswer(
        id=decision.id,
        referral_id=referral.id,
        decision=cast(Kind, decision.kind),
        terms=terms.read(decision.terms) if decision.terms else None,
        worse=decision.worse,
        reason_codes=decision.codes if decision.kind == "decline" else [],
        asked_for=decision.codes if decision.kind == "ask_for_more" else [],
        decided_at=decision.at,
        referral_state=referral.state,
    )


def consent_answer(proof: Proof, referral: Referral, now: datetime) -> ConsentAnswer:
    """Return the proof of a referral's consent."""
    in_time = proof.expires_at is None or proof.expires_at > now
    return ConsentAnswer(
        consent_id=proof.consent_id,
        referral_id=referral.id,
        purpose=proof.purpose,
        recipient=proof.recipient,
        text_version=proof.text_version,
        given_at=proof.given_at,
        expires_at=proof.expires_at,
        withdrawn_at=proof.withdrawn_at,
        holds=in_time and proof.withdrawn_at is None,
    )


def contract_answer(contract: Contract, referral: Referral) -> ContractAnswer:
    """Return a contract with the evidence of its signature."""
    return ContractAnswer(
        id=contract.id,
        referral_id=referral.id,
        state=contract.state,
        terms=terms.read_contract(contract.text),
        text=contract.text,
        terms_hash=contract.terms_hash,
        prepared_at=contract.prepared_at,
        shown_at=contract.shown_at,
        signature=_signature(contract, referral),
    )


def _signature(contract: Contract, referral: Referral) -> SignatureAnswer | None:
    if contract.sealed_name is None or contract.shown_at is None or contract.signed_at is None:
        return None
    try:
        name = referral.person.open(bytes(contract.sealed_name), place=contract.place(contract.id)).decode()
    except Erased:
        name = None
    return SignatureAnswer(contract.method, name, contract.shown_at, contract.signed_at)
