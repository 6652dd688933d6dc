"""What the reports of one loan mean together, whatever order they came in. Pure: no database.

Reports that correct one another are one thread, of which the highest sequence holds. Days past due at a month's end
follow from the dues and from all that the institution says it was paid by then.
"""

import calendar
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hub.finance import past_due
from hub.finance.day_count import add_months
from hub.finance.outcomes import EXCLUDED, IMMATURE, Label, label

KINDS = ("month_end", "payment", "charged_off", "closed", "restructured", "rescinded", "sold")
ENDS = ("charged_off", "closed", "rescinded", "sold")
Dues = Sequence[tuple[date, Decimal]]


@dataclass(frozen=True, slots=True)
class Report:
    """One report. `paid_total` is all that was paid on the loan up to `as_of`, `amount` one payment of that day."""

    sequence: int
    kind: str
    as_of: date
    amount: Decimal | None = None
    paid_total: Decimal | None = None
    corrects: int | None = None
    confirmed_fraud: bool = False
    dues: Dues = ()


def in_force(reports: Iterable[Report]) -> list[Report]:
    """Return the reports that hold, by sequence: of each thread of corrections the one with the highest."""
    by_sequence = {report.sequence: report for report in reports}
    begun: dict[int, int] = {}  # the number that each one's thread began with, also where that report is yet to come
    threads: dict[int, int] = {}
    for sequence in sorted(by_sequence):
        corrected = by_sequence[sequence].corrects  # always a lower number, so its own thread is known
        begun[sequence] = sequence if corrected is None else begun.get(corrected, corrected)
        threads[begun[sequence]] = sequence
    return [by_sequence[sequence] for sequence in sorted(threads.values())]


def state(held: Collection[Report]) -> str:
    """Return what the loan is by the reports in force: its latest end, if it has one."""
    if any(report.kind == "rescinded" for report in held):
        return "rescinded"
    ends = [(report.as_of, report.sequence, report.kind) for report in held if report.kind in ENDS]
    return max(ends)[2] if ends else "active"


def days_past_due(held: Collection[Report], dues: Dues, as_of: date) -> int:
    """Return the days past due on any day, by the last total that was reported and the payments since.

    A loan that has ended is past due no more.
    """
    if state(held) != "active":
        return 0
    known = [report for report in held if report.as_of <= as_of]
    totals = _totals(known)
    began, _, paid = max(totals, key=lambda row: row[:2]) if totals else (date.min, 0, Decimal(0))
    paid += sum((one.amount for one in known if one.amount is not None and one.as_of > began), Decimal(0))
    return _days(known, dues, as_of, paid)


def _totals(held: Iterable[Report]) -> list[tuple[date, int, Decimal]]:
    return [(report.as_of, report.sequence, report.paid_total) for report in held if report.paid_total is not None]


def _days(known: Collection[Report], dues: Dues, as_of: date, paid: Decimal) -> int:
    """Count from the dues of the last restructuring on, if there was one; what was paid before it is settled."""
    anew = [(report.as_of, report.sequence, report) for report in known if report.kind == "restructured"]
    if anew:
        last = max(anew, key=lambda row: row[:2])[2]
        dues, paid = last.dues, paid - (last.paid_total or 0)
    return past_due.days_past_due(dues=dues, payments=[(as_of, paid)], as_of=as_of)


def month_ends(opened_on: date, count: int) -> list[date]:
    """Return the first so many month ends after `opened_on`."""
    first = 0 if opened_on < last_day(opened_on) else 1
    start = opened_on.replace(day=1)
    return [last_day(add_months(start, month)) for month in range(first, first + count)]


def last_day(day: date) -> date:
    """Return the last day of a day's month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def month_end_days(held: Collection[Report], dues: Dues, ends: Sequence[date]) -> list[int | None]:
    """Return the days past due at each of these month ends, None where the institution has not reported on it."""
    totals = {as_of: total for as_of, _, total in sorted(_totals(one for one in held if one.kind == "month_end"))}
    return [
        None if end not in totals else _days([one for one in held if one.as_of <= end], dues, end, totals[end])
        for end in ends
    ]


def outcome(
    reports: Iterable[Report], *, dues: Dues, opened_on: date, matures_on: date, window_months: int, today: date
) -> Label:
    """Return the label of a loan as of a day, by the definition of `hub.finance.outcomes`.

    A rescinded loan is excluded, and so is one that was sold before anything could be said of it.
    """
    held = in_force(reports)
    ends = month_ends(opened_on, window_months)
    seen = [end for end in ends if end <= today]
    found = label(
        month_end_dpd=month_end_days(held, dues, seen),
        months_on_book=window_months if today >= matures_on else min(len(seen), window_months - 1),
        window_months=window_months,
        charged_off_month=_month(held, "charged_off", ends),
        closed_month=_month(held, "closed", ends),
        confirmed_fraud=any(report.confirmed_fraud for report in held),
    )
    if any(report.kind == "rescinded" for report in held):
        return Label(EXCLUDED, found.max_dpd)
    if found.name == IMMATURE and _month(held, "sold", ends) is not None:
        return Label(EXCLUDED, found.max_dpd)
    return found


def _month(held: Iterable[Report], kind: str, ends: Sequence[date]) -> int | None:
    """Return the month on book in which the first report of a kind falls, None where it is after the window."""
    days = [report.as_of for report in held if report.kind == kind]
    return next((number for number, end in enumerate(ends, 1) if days and min(days) <= end), None)
