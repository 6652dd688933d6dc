"""From a score to the label ledger: no label enters but by reports and a closed window, and corrections follow it."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from hub.outbox import InboxEntry, OutboxEvent, hand_over_one, relay
from hub.tenancy import platform_scope
from partners.loans.models import Loan
from risk.learning.models import OutcomeEntry
from risk.scoring.facade import SANDBOX_LINE
from tests.factories import make_institution
from tests.partners.loan_factory import at, fund_referral, hand_in, life_of, ndjson, over
from tests.partners.product_factory import make_live
from tests.partners.referral_factory import accept, decision, make_case, match
from tests.risk.borrowers import borrower, score
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db


def make_scored_loan(*, line_name: str = SANDBOX_LINE, sandbox: bool = True) -> Loan:
    """A loan of a borrower whom the platform's champion scored, in a sandbox unless told."""
    make_champion(make_line(line_name))
    person = borrower()
    scored = score(person, line_name=line_name)
    lender = make_institution(sandbox=sandbox)
    make_live(lender.id)
    case = make_case(
        lender if sandbox else None, person_id=person, scored=decision(id=scored.decision_id, pd=scored.pd)
    )
    return fund_referral(accept(match(case)[0]))


def settle(moment: datetime) -> None:
    """Let the events reach their subscribers."""
    for _ in range(3):
        with platform_scope():
            relay(now=moment)
        going_on = True
        while going_on:
            with platform_scope():
                going_on = hand_over_one(now=moment)


def ledger(loan: Loan) -> list[tuple[int, str]]:
    with platform_scope():
        assert not InboxEntry.objects.exclude(state=InboxEntry.DONE).exists()
        rows = OutcomeEntry.objects.filter(loan_id=loan.id, decision_id=loan.decision_id).order_by("revision")
        return list(rows.values_list("revision", "label"))


def test_an_outcome_reaches_the_label_ledger_once_and_is_corrected_there() -> None:
    loan = make_scored_loan()
    bodies = life_of(loan, missed=range(4, 13))
    early = at(loan.matures_on - timedelta(days=1))
    hand_in(loan.institution_id, ndjson([(loan, body) for body in bodies[:-1]]), when=early)
    settle(early)
    assert ledger(loan) == [], "bad for long, but its good siblings are not known yet"
    hand_in(loan.institution_id, ndjson([(loan, body) for body in bodies]), when=over(loan))
    settle(over(loan))
    settle(over(loan))
    assert ledger(loan) == [(1, "bad")]
    totals = {body["as_of"]: body["paid_total"] for body in life_of(loan) if body["kind"] == "month_end"}
    ends = [body for body in bodies if body["kind"] == "month_end"]
    assert Decimal(totals[ends[-1]["as_of"]]) > Decimal(ends[-1]["paid_total"])
    right = [
        {**body, "sequence": 100 + body["sequence"], "corrects": body["sequence"], "paid_total": totals[body["as_of"]]}
        for body in ends
    ]
    hand_in(loan.institution_id, ndjson([(loan, body) for body in right]), when=over(loan))
    settle(over(loan))
    assert ledger(loan) == [(1, "bad"), (2, "good")]


@pytest.mark.parametrize(
    ("line_name", "sandbox", "entered"),
    [(SANDBOX_LINE, True, [SANDBOX_LINE]), ("consumer", True, []), ("consumer", False, ["consumer"])],
)
def test_an_outcome_is_told_to_the_bank_and_trains_only_the_line_of_its_world(
    line_name: str, sandbox: bool, entered: list[str]
) -> None:
    loan = make_scored_loan(line_name=line_name, sandbox=sandbox)
    hand_in(loan.institution_id, ndjson([(loan, body) for body in life_of(loan)]), when=over(loan))
    settle(over(loan))
    assert [label for _, label in ledger(loan)] == ["good"] * len(entered)
    with platform_scope():
        assert list(OutcomeEntry.objects.values_list("line__name", flat=True)) == entered
        event = OutboxEvent.objects.get(type="outcome.matured")
        assert (event.subject_id, event.institution_id) == (loan.id, loan.institution_id)
        told = (event.payload["line_name"], event.payload["sandbox"], event.payload["label"])
    assert told == (line_name, sandbox, "good")
