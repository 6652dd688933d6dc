"""What a borrower does once his answers are in: score, offers, one lender, contract. Each is one call of `referrals`.

Platform scope. Refusals of the rooms below become `Blocked` with a reason that the pages can tell.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from acquisition.journey import texts
from acquisition.journey.answers import CURRENCY, Draft, features, informed, means
from acquisition.journey.errors import Blocked, wrong
from acquisition.journey.models import Application
from acquisition.journey.services import borrower_actor, locked
from hub import outbox
from hub.audit import Actor
from hub.errors import Conflict, NotFound
from hub.events import ApplicationDecided
from partners.referrals import facade as referrals
from partners.referrals.facade import CaseView, ContractView, DecisionView, ReasonView, ShareConsent
from risk.scoring import facade as scoring
from risk.scoring.facade import About, Evidence, ScoredApplication

LINE = scoring.CONSUMER_LINE
PRODUCT_CLASS = "personal_instalment"
DECLINE = "decline"
DECLINED, MATCHED = "declined", "matched"
REASONS_MAX = 4
AFFORDABILITY = "affordability"
SECOND = "second_application"  # the code of I11


@contextmanager
def telling(reason: str) -> Iterator[None]:
    """Let a conflict of the rooms below be told with a reason of ours. What they keep of a refusal stays kept."""
    try:
        yield
    except Blocked:
        raise
    except Conflict as error:
        codes = {one.code for one in error.errors}
        raise Blocked(Blocked.OPEN_ELSEWHERE if SECOND in codes else reason, error.detail) from error


@transaction.atomic
def find_offers(*, application_id: UUID, now: datetime) -> str:
    """Score the answers and match them with products; return the state, "matched" or "declined". Safe to repeat.

    `Blocked` while answers are missing, where another application of the person is open (I11), or without a model.
    """
    application = locked(application_id)
    if application.state != "draft":
        return application.state
    draft = application.draft()
    if draft.missing() or application.borrower is None or application.consent_id is None:
        raise Blocked(Blocked.STEP_FIRST, "Answers, consent or the number are missing.")
    with telling(Blocked.NOT_NOW):
        scored = _score(application, draft, application.consent_id, now)
        if scored.action != DECLINE:
            return bring_to_lenders(application, scored, now)
    return _end_draft(application, DECLINED, scored.decision_id, now)


def bring_to_lenders(application: Application, decided: ScoredApplication, now: datetime) -> str:
    """Open the case of a locked application and match it; return its state."""
    draft, actor = application.draft(), borrower_actor(application.person_id)
    assert draft.answers.amount is not None
    assert draft.answers.term is not None
    referrals.open_case(
        application_id=application.id, sandbox_id=application.sandbox_id, person_id=application.person_id,
        product_class=PRODUCT_CLASS, currency=CURRENCY, amount=Decimal(draft.answers.amount),
        term_months=draft.answers.term, facts=scoring.decided_features(decision_id=decided.decision_id).values,
        decision=_decision(decided), actor=actor, now=now,
    )  # fmt: skip
    referrals.match(application_id=application.id, actor=actor, now=now)
    return _end_draft(application, MATCHED, decided.decision_id, now)


def _end_draft(application: Application, outcome: str, decision_id: UUID, now: datetime) -> str:
    application.decide(outcome, application.draft(), decision_id=decision_id, now=now)
    actor = borrower_actor(application.person_id)
    payload = ApplicationDecided(
        application.id, None, person_id=application.person_id, decision_id=decision_id, outcome=outcome
    )
    outbox.publish(payload, actor=actor, now=now)
    return outcome


def _score(application: Application, draft: Draft, consent_id: UUID, now: datetime) -> ScoredApplication:
    draft, evidence = _with_sources(application, draft, now)
    verified = any("monthly_income" in one.values for one in evidence.used)
    with telling(Blocked.OFFLINE):
        return scoring.score_application(
            line_name=_line_of(application), person_id=application.person_id, consent_id=consent_id,
            features=features(draft.answers), means=means(draft, verified=verified), evidence=evidence,
            actor=borrower_actor(application.person_id), now=now,
        )  # fmt: skip


def about(application: Application) -> About | None:
    """Return whom sources may be asked about; None before the number was proved."""
    if application.borrower is None:
        return None
    return About(application.person_id, application.borrower.phone(), application.sandbox_id is not None)


def _with_sources(application: Application, draft: Draft, now: datetime) -> tuple[Draft, Evidence]:
    whom = about(application)
    if whom is None:
        return draft, Evidence()
    known = scoring.known_of(about=whom, consented=texts.names_sources(application.consent_version), now=now)
    draft, taken, refused = informed(draft, known.values)
    return draft, known.evidence.entered(taken, refused)


def _line_of(application: Application) -> str:
    """Live applications have one line; a sandbox's go by the line of sandboxes once that has a champion."""
    if application.sandbox_id is not None and scoring.has_champion(line_name=scoring.SANDBOX_LINE):
        return scoring.SANDBOX_LINE
    return LINE


def _decision(scored: ScoredApplication) -> DecisionView:
    reasons = tuple(ReasonView(one.feature, one.value, one.best_value, one.lost_logit) for one in scored.reasons)
    return DecisionView(
        scored.decision_id, scored.pd, scored.grade, scored.action, reasons, scored.affordability, scored.evidence
    )  # fmt: skip


def match_again(*, application_id: UUID, now: datetime) -> None:
    """Look for offers anew, at today's products and budgets."""
    with telling(Blocked.NOT_NOW):
        referrals.match(application_id=application_id, actor=_actor(application_id), now=now)


def accept_offer(*, application_id: UUID, offer_id: UUID, name: str, language: str, now: datetime) -> None:
    """Accept one offer and share with its lender, by the name that the borrower gave.

    `Blocked` where it is gone: let the transaction live on then, for the offer is marked as gone in it.
    """
    application = locked(application_id)
    if application.borrower is None:
        raise NotFound("There is no offer before the number is proved.")
    contact = {"name": name, "phone": application.borrower.phone()}
    share = ShareConsent(texts.version(texts.SHARING, language), contact)
    with telling(Blocked.OFFER_GONE):
        referrals.accept(
            offer_id=offer_id, application_id=application_id, share_consent=share,
            actor=borrower_actor(application.person_id), now=now,
        )  # fmt: skip
    application.keep_name(name, now=now)


def take_back(*, application_id: UUID, now: datetime) -> None:
    """Take the consent to share back before the lender is bound; other offers may be accepted then."""
    with telling(Blocked.NOT_NOW):
        referrals.withdraw_referral(application_id=application_id, actor=_actor(application_id), now=now)


def withdraw(*, application_id: UUID, now: datetime) -> None:
    """End the whole application."""
    with telling(Blocked.NOT_NOW):
        referrals.withdraw(application_id=application_id, actor=_actor(application_id), now=now)


def accept_counter(*, application_id: UUID, now: datetime) -> None:
    """Take the lender's other terms."""
    with telling(Blocked.NOT_NOW):
        referrals.accept_counter(application_id=application_id, actor=_actor(application_id), now=now)


def decline_counter(*, application_id: UUID, now: datetime) -> None:
    """Turn the lender's other terms down."""
    with telling(Blocked.NOT_NOW):
        referrals.decline_counter(application_id=application_id, actor=_actor(application_id), now=now)


def show_contract(*, application_id: UUID, now: datetime) -> ContractView:
    """Return the final terms, and note that they stood before the borrower."""
    with telling(Blocked.NOT_NOW):
        return referrals.show_contract(application_id=application_id, actor=_actor(application_id), now=now)


def sign(*, application_id: UUID, typed_name: str, terms_hash: str, now: datetime) -> None:
    """Sign the terms of this hash by the typed name; `Invalid` where it is not the name of the application."""
    application = locked(application_id)
    if _plain(typed_name) != _plain(application.draft().name):
        raise wrong("typed_name", "other_name", "Type the name that the application was made with.")
    with telling(Blocked.NOT_NOW):
        referrals.sign(
            application_id=application_id, typed_name=typed_name, terms_hash=terms_hash,
            actor=borrower_actor(application.person_id), now=now,
        )  # fmt: skip


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()


def case_of(*, application_id: UUID) -> CaseView:
    """Return how the case stands; `NotFound` before there is one."""
    return referrals.case_view(application_id=application_id)


def contract_of(*, application_id: UUID) -> ContractView:
    """Return the final terms; `NotFound` before there are any."""
    return referrals.contract_view(application_id=application_id)


def principal_reasons(*, decision_id: UUID) -> list[tuple[str, bool]]:
    """Return the one to four true reasons of a decision, the weightiest first: the feature, whether it was missing.

    Where it was declined for affordability, that alone is the reason, and no feature of the score.
    """
    scored = scoring.read_application(decision_id=decision_id)
    known = scored.affordability
    if known is not None and known.declined_for == AFFORDABILITY:
        return [(AFFORDABILITY, known.band == "unknown")]
    return [(one.feature, one.value is None) for one in scored.reasons[:REASONS_MAX]]


def _actor(application_id: UUID) -> Actor:
    return borrower_actor(locked(application_id).person_id)
