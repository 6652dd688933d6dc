"""The simulated market: people apply, lenders decide and report, month by month, by the services that the pages call.

Time is passed in and reports come by the bulk file, so no service can know that nobody here exists.
"""

import calendar
import csv
import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from acquisition.market import borrowing, lending, payments
from acquisition.market.borrowing import Borrower
from acquisition.market.payments import Payment
from acquisition.market.world import WINDOW_MONTHS, People, Times, draw_people
from hub import outbox
from hub.errors import DomainError
from hub.tenancy import platform_scope, tenant_scope
from partners.loans import facade as loans
from partners.referrals.facade import ReferralView

LENDERS_ASKED_MAX = 3
# A lender reports until the window of a loan has closed, and a month more.
MONTHS_REPORTED = WINDOW_MONTHS + 2
# From the application to the lender's decision, the signature and the money.
DECIDED_AFTER, SIGNED_AFTER, FUNDED_AFTER = timedelta(hours=5), timedelta(hours=20), timedelta(hours=30)
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Who lives in the market and when: `applicants` spread over `months` from `start`, all drawn from `seed`.

    Their telephone numbers count from `first_number` on.
    """

    applicants: int
    months: int
    seed: int
    start: date
    drift: bool = True
    shuffle_labels: bool = False
    first_number: int = 0

    def before(self, month: int) -> int:
        """How many have applied before a month."""
        return self.applicants * month // self.months

    def first_of(self, month: int) -> date:
        """The first day of a month, counted from the start."""
        place = self.start.year * 12 + self.start.month - 1 + month
        return date(place // 12, place % 12 + 1, 1)

    def end_of(self, month: int) -> datetime:
        """The last moment of a month, when its reports have come."""
        first = self.first_of(month)
        last = calendar.monthrange(first.year, first.month)[1]
        return datetime(first.year, first.month, last, 23, 50, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Who applied in a month, and of each whether a lender approved and whether the loan was paid out."""

    people: People
    approved: NDArray[np.bool_]
    funded: NDArray[np.bool_]


@dataclass(slots=True)
class _Loan:
    """A loan of the market: who lends, what falls due, and all that will ever be paid."""

    id: UUID
    institution_id: UUID
    opened_on: date
    payments: tuple[Payment, ...]
    reported: int = 0

    def line(self, as_of: date) -> list[object]:
        """The next report on it."""
        self.reported += 1
        paid = sum(payment.amount for payment in self.payments if payment.on <= as_of)
        return [self.id, self.reported, "month_end", as_of.isoformat(), f"{paid:.2f}"]


@dataclass(slots=True)
class Market:
    """The market with its running loans. `live` one month after the other, from 0 on."""

    plan: Plan
    running: list[_Loan] = field(default_factory=list)
    matured: int = 0
    given_up: int = 0

    @property
    def times(self) -> Times:
        """The economy."""
        return Times(drift=self.plan.drift)

    def live(self, month: int, say: Say) -> Cohort:
        """Let a month pass: applications, decisions, loans; then its reports, and what became certain by them."""
        plan = self.plan
        count = plan.before(month + 1) - plan.before(month)
        people = draw_people(seed=plan.seed, month=month, count=count, times=self.times)
        cohort = Cohort(people, np.zeros(len(people), dtype=bool), np.zeros(len(people), dtype=bool))
        funded = [(at, loan) for at in range(len(people)) if (loan := self._apply(month, at, cohort)) is not None]
        self._pay(month, cohort, funded)
        self._report(plan.end_of(month))
        told = f"{plan.first_of(month):%Y-%m}: {count} applied, {len(funded)} funded"
        say(f"{told}; {self.matured} outcomes so far, {self.given_up} applications broken off")
        return cohort

    def _apply(self, month: int, at: int, cohort: Cohort) -> loans.LoanView | None:
        """Let one person apply. Who is refused something on the way, such as by a clock of the platform's, gives up."""
        try:
            return self._borrow(month, at, cohort)
        except DomainError:
            self.given_up += 1
            return None

    def _borrow(self, month: int, at: int, cohort: Cohort) -> loans.LoanView | None:
        rng = np.random.default_rng([self.plan.seed, month, at, 1])
        moment = self._moment(month, at, len(cohort.people))
        number = self.plan.first_number + self.plan.before(month) + at
        borrower = Borrower(f"+8529{number:07d}", f"Simulated {number}", cohort.people.features(at))
        application_id = borrowing.apply(borrower, now=moment)
        if application_id is None:
            return None
        for _ in range(LENDERS_ASKED_MAX):
            referral = borrowing.choose(application_id, borrower, rng=rng, now=moment)
            if referral is None:
                return None
            if self._approved(referral, float(cohort.people.pd[at]), rng, moment + DECIDED_AFTER):
                cohort.approved[at] = True
                loan = self._pay_out(application_id, borrower, referral, moment)
                cohort.funded[at] = True
                return loan
            moment += DECIDED_AFTER
        return None

    def _moment(self, month: int, at: int, count: int) -> datetime:
        """Spread a month's applications over its first 26 days, in order."""
        first = self.plan.first_of(month)
        return datetime(first.year, first.month, 1, 1, tzinfo=UTC) + timedelta(days=26) * at / max(1, count)

    def _approved(self, referral: ReferralView, pd: float, rng: np.random.Generator, moment: datetime) -> bool:
        taste = lending.TASTES[referral.institution_name]
        verdict = lending.verdict_of(referral.terms, pd=pd, taste=taste, rng=rng)
        return lending.decide(referral, verdict, now=moment)

    def _pay_out(
        self, application_id: UUID, borrower: Borrower, referral: ReferralView, moment: datetime
    ) -> loans.LoanView:
        terms_hash = borrowing.sign(application_id, borrower, now=moment + SIGNED_AFTER)
        with tenant_scope(referral.institution_id):
            return loans.fund(
                referral_id=referral.id, terms_hash=terms_hash, actor=lending.actor_of(referral.institution_name),
                now=moment + FUNDED_AFTER,
            )  # fmt: skip

    def _pay(self, month: int, cohort: Cohort, funded: Sequence[tuple[int, loans.LoanView]]) -> None:
        """Draw how the loans of a month will be paid, from how their borrowers truly are, or in any order."""
        bad = cohort.people.bad[[at for at, _ in funded]]
        if self.plan.shuffle_labels:
            bad = np.random.default_rng([self.plan.seed, month, 2]).permutation(bad)
        for (at, loan), defaults in zip(funded, bad, strict=True):
            rng = np.random.default_rng([self.plan.seed, month, at, 3])
            paid = payments.draw_payments(dues=loan.dues, defaults=bool(defaults), rng=rng)
            self.running.append(_Loan(loan.id, loan.institution_id, loan.opened_on, paid))

    def _report(self, moment: datetime) -> None:
        by_lender: dict[UUID, list[list[object]]] = defaultdict(list)
        for loan in self.running:
            if loan.opened_on < moment.date():
                by_lender[loan.institution_id].append(loan.line(moment.date()))
        for institution_id, lines in by_lender.items():
            _send_file(institution_id, lines, moment)
        self.running = [loan for loan in self.running if loan.reported < MONTHS_REPORTED]
        with platform_scope():
            self.matured += loans.mature_outcomes(now=moment)
        hand_over(moment)


def _send_file(institution_id: UUID, lines: Sequence[Sequence[object]], moment: datetime) -> None:
    """Send a month's reports of one lender as one CSV, and let its lines be taken."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["loan_id", "sequence", "kind", "as_of", "paid_total"])
    writer.writerows(lines)
    with tenant_scope(institution_id):
        batch = loans.report_in_bulk(
            institution_id=institution_id, content=text.getvalue().encode(), format_="csv",
            totals=loans.ControlTotals(count=len(lines)), actor=lending.actor_of(str(institution_id)), now=moment,
        )  # fmt: skip
    loans.apply_batch(institution_id=institution_id, batch_id=batch.id, now=moment)


def hand_over(moment: datetime) -> None:
    """Do what the beat would have done by now: give the events their positions, and hand them over."""
    with platform_scope():
        while outbox.relay(now=moment):
            pass
    while True:
        with platform_scope():
            if not outbox.hand_over_one(now=moment):
                return
