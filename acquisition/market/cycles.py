"""The loop of the simulated market: a first model, then cohort after cohort, and a retraining before each other one.

Every model is trained, approved by two and used as a real one would be; what it is worth is measured against the hidden
truth, on all who applied, lent to or not.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from acquisition.market import demo_lenders
from acquisition.market.figures import Cycle
from acquisition.market.simulation import Cohort, Market, Plan, Say
from acquisition.market.world import WINDOW_MONTHS, Floats, People, Times, draw_people
from hub.accounts import services as accounts
from hub.accounts.models import User
from hub.accounts.policies import Role
from hub.audit import system_actor, user_actor
from hub.errors import Conflict
from hub.tenancy import platform_scope
from risk.learning import facade as learning
from risk.scoring import facade as scoring

ACTOR = system_actor("market")
LINE = "consumer"
_WAIVER = "A simulated market of a few thousand people has too few bad loans for proof."
# The first book was lent so long before the start that all of it has matured.
BOOK_MONTHS = 12
_ONLY_IN_BOOKS = {"age": 40, "sex": "", "district": "", "balance_after_12_months": ""}


@dataclass(frozen=True, slots=True)
class Staff:
    """Who trains and who approves, by account."""

    trainer: UUID
    approvers: tuple[UUID, UUID]


def run(plan: Plan, *, cycles: int, first_model_rows: int, say: Say) -> Iterator[Cycle]:
    """Live through all months of a plan in a database that holds nothing yet, and yield each cycle as it ends."""
    staff = _settle(plan)
    _import_book(plan, first_model_rows, say)
    _retrain(plan, staff, _before(plan), say)
    first = _champion()
    market, trained_on = Market(plan), 0
    for cycle in range(cycles):
        months = range(plan.months * cycle // cycles, plan.months * (cycle + 1) // cycles)
        if market.matured > trained_on:
            _retrain(plan, staff, plan.end_of(months[0] - 1), say)
            trained_on = market.matured
        cohorts = [market.live(month, say) for month in months]
        yield _measured(cycle + 1, cohorts, first, _champion())


def _settle(plan: Plan) -> Staff:
    """Open the staff's accounts and the lenders."""
    moment = _before(plan)
    with platform_scope():
        ids = []
        for name in ("trainer", "first approver", "second approver"):
            email = f"{name.replace(' ', '.')}@market.luopan.example"
            accounts.open_account(email=email, name=name, roles=(Role.RISK_OFFICER,), actor=ACTOR, now=moment)
            ids.append(User.objects.values_list("id", flat=True).get(email=email))
        trainer, *approvers = ids
        maker, checker = user_actor(trainer), user_actor(approvers[0])
        demo_lenders.prepare(maker=maker, checker=checker, actor=ACTOR, now=moment)
    return Staff(trainer, (approvers[0], approvers[1]))


def _before(plan: Plan) -> datetime:
    first = plan.first_of(0)
    return datetime(first.year, first.month, 1, tzinfo=UTC)


def _import_book(plan: Plan, rows: int, say: Say) -> None:
    """Take in the loans of the years before, from which the first model learns."""
    book = learning.take_book(
        chunks=book_csv(plan, rows), mapping="demo_consumer", line_name=LINE, institution_id=None,
        scope=platform_scope, clock=lambda: _before(plan), actor=ACTOR, say=lambda _: None,
    )  # fmt: skip
    say(f"{book.rows} loans of the years before are in the ledger")


def book_csv(plan: Plan, rows: int) -> Iterator[bytes]:
    """Yield a book of loans whose windows closed before the start, for the mapping `demo_consumer`."""
    times = Times(drift=False)
    first = -WINDOW_MONTHS - BOOK_MONTHS
    header_told = False
    for place in range(BOOK_MONTHS):
        count = rows * (place + 1) // BOOK_MONTHS - rows * place // BOOK_MONTHS
        people = draw_people(seed=plan.seed, month=first + place, count=count, times=times)
        opened_on = plan.first_of(first + place).replace(day=1 + place % 28).isoformat()
        for at in range(count):
            row = {
                "account_no": f"B{place:02d}{at:06d}", "opened_on": opened_on, **people.features(at),
                **_ONLY_IN_BOOKS, "outcome": "bad" if people.bad[at] else "good",
            }  # fmt: skip
            if not header_told:
                yield _csv_line(list(row))
                header_told = True
            yield _csv_line(list(row.values()))


def _csv_line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    whole = (int(cell) if isinstance(cell, float) and cell.is_integer() else cell for cell in cells)
    csv.writer(text, lineterminator="\n").writerow(whole)
    return text.getvalue().encode()


def _retrain(plan: Plan, staff: Staff, moment: datetime, say: Say) -> None:
    """Train the line on all that is known by now; two who are not the trainer approve where the criteria allow it."""
    with platform_scope():
        line = scoring.find_line(name=LINE, institution_id=None)
    trained = learning.train_line(
        line_id=line.id, requested_by=staff.trainer, scope=platform_scope, clock=lambda: moment, actor=ACTOR,
        say=lambda _: None, seed=plan.seed % 2**31, as_of=moment.date(),
    )  # fmt: skip
    if trained.version_id is None:
        raise RuntimeError(f"The model could not be trained: {trained.failure}")
    try:
        for user_id in staff.approvers:
            with platform_scope():
                scoring.approve_version(version_id=trained.version_id, user_id=user_id, now=moment, waiver=_WAIVER)
    except Conflict as refusal:
        say(f"a model is trained, and the one in use stays: {refusal}")
    else:
        say("a model is trained, approved by two, and in use")


def _champion() -> scoring.Champion:
    with platform_scope():
        return scoring.champion(line_name=LINE)


def _measured(cycle: int, cohorts: Sequence[Cohort], first: scoring.Champion, used: scoring.Champion) -> Cycle:
    people = [cohort.people for cohort in cohorts]
    bad = np.concatenate([one.bad for one in people])
    funded = np.concatenate([cohort.funded for cohort in cohorts])
    approved = np.concatenate([cohort.approved for cohort in cohorts])
    auc_first, auc, ks = None, None, None
    said = _risks(used, people)
    if 0 < bad.sum() < len(bad):  # else there is nothing to rank
        auc, ks = learning.ranking_power(bad.tolist(), said.tolist())
        auc_first, _ = learning.ranking_power(bad.tolist(), _risks(first, people).tolist())
    true = np.concatenate([one.pd for one in people])
    shares = {"approval_rate": _share(approved), "bad_rate_funded": _share(bad[funded])}
    return Cycle(cycle, auc_first, auc, ks, **shares, pd_predicted=_share(said), pd_true=_share(true))


def _share(held: NDArray[np.bool_] | Floats) -> float | None:
    return float(held.mean()) if len(held) else None


def _risks(model: scoring.Champion, people: Sequence[People]) -> Floats:
    names = people[0].seen
    columns = {name: list(chain.from_iterable(one.seen[name] for one in people)) for name in names}
    batch = model.scorer.batch({name: _column(cells) for name, cells in columns.items()})
    return batch.pd(model.calibration)


def _column(cells: list[Any]) -> Any:
    return np.array(cells, dtype=object if isinstance(cells[0], str) else np.float64)
