"""How loans turned out: looked at once their windows have closed, and again whenever something is reported of them."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from hub import outbox
from hub.audit import system_actor
from hub.events import OutcomeMatured
from hub.finance.outcomes import DEFINITION_VERSION, IMMATURE, WINDOW_MONTHS, Label
from partners.loans import life, queries
from partners.loans.models import Loan, Outcome
from risk.scoring import facade as scoring

ACTOR = system_actor("loans.outcomes")
AT_ONCE = 200


def mature_outcomes(*, now: datetime, institution_id: UUID | None = None) -> int:
    """Give every loan whose window has closed its outcome, and correct those that turned out otherwise.

    Of one institution, by its own clock, or of all live ones. Platform scope; returns how many outcomes are new.
    """
    made = 0
    while True:
        looked_at, new = _mature_some(now, institution_id)
        made += new
        if looked_at < AT_ONCE:
            return made


@transaction.atomic
def _mature_some(now: datetime, institution_id: UUID | None) -> tuple[int, int]:
    loans = queries.due_for_review(institution_id=institution_id, today=now.date(), limit=AT_ONCE)
    ids = [loan.id for loan in loans]
    reports = queries.reports_by_loan(ids)
    known = queries.outcomes_by_loan(ids, definition_version=DEFINITION_VERSION)
    new: list[tuple[Loan, Outcome]] = []
    for loan in loans:
        found = life.outcome(
            (row.fact for row in reports.get(loan.id, ())), dues=loan.dues, opened_on=loan.opened_on,
            matures_on=loan.matures_on, window_months=WINDOW_MONTHS, today=now.date(),
        )  # fmt: skip
        before = known.get(loan.id)
        if _is_news(found, before):
            new.append((loan, _outcome(loan, found, before, now)))
    Outcome.append([outcome for _, outcome in new])
    lines = scoring.line_names(decision_ids=[loan.decision_id for loan, _ in new])
    for loan, outcome in new:
        outbox.publish(_payload(loan, outcome, lines.get(loan.decision_id, "")), actor=ACTOR, now=now)
    Loan.reviewed(ids)
    return len(loans), len(new)


def _is_news(found: Label, before: Outcome | None) -> bool:
    """Whether an outcome says something new. What was good or bad once is not taken back for want of a report."""
    if found.name == IMMATURE:
        return False
    return before is None or (before.label, before.max_dpd) != (found.name, found.max_dpd)


def _outcome(loan: Loan, found: Label, before: Outcome | None, now: datetime) -> Outcome:
    return Outcome(
        institution_id=loan.institution_id, loan=loan, label=found.name, max_dpd=found.max_dpd,
        definition_version=DEFINITION_VERSION, window_months=WINDOW_MONTHS,
        revision=before.revision + 1 if before else 1, observed_on=now.date(), created_at=now,
    )  # fmt: skip


def _payload(loan: Loan, outcome: Outcome, line_name: str) -> OutcomeMatured:
    return OutcomeMatured(
        loan.id,
        loan.institution_id,
        line_name=line_name,
        sandbox=loan.sandbox,
        decision_id=loan.decision_id,
        propensity=f"{loan.propensity:.4f}",
        label=outcome.label,
        definition_version=outcome.definition_version,
        window_months=outcome.window_months,
        opened_on=loan.opened_on.isoformat(),
        observed_on=outcome.observed_on.isoformat(),
        revision=outcome.revision,
    )
