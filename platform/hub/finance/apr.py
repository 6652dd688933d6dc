"""Annual percentage rates as the law defines them. All are percent, unrounded: round for display."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hub.finance.irr import HUNDRED, timed_irr
from hub.finance.roots import ONE, rate_root, sign_changes
from hub.finance.rounding import as_decimal
from hub.finance.unit_periods import YEAR, UnitPeriod, measure, term_periods_per_year


@dataclass(frozen=True, slots=True)
class Transfer:
    """An advance or a payment, so many whole unit-periods and a fraction of one after the transaction began."""

    amount: Decimal
    periods: int
    fraction: Decimal = Decimal(0)


def apr_us(
    *, advances: Sequence[Transfer], payments: Sequence[Transfer], unit_periods_per_year: Decimal | Fraction
) -> Decimal:
    """Return the annual percentage rate of Regulation Z by the actuarial method.

    Solves the general equation of 12 CFR 1026 Appendix J (b)(8) for the unit-period rate i,
    sum A / ((1 + f i)(1 + i)^t) = sum P / ((1 + f i)(1 + i)^t), within a fraction of a unit-period by simple interest
    (b)(6), and returns 100 i times the unit-periods of a year (b)(1). `NoRate` where no rate balances it.
    """
    flows = [(one.periods, one.fraction, one.amount) for one in advances]
    flows += [(one.periods, one.fraction, -one.amount) for one in payments]
    flows.sort()
    by_fraction = _by_fraction(flows)

    def value(rate: Decimal) -> Decimal:
        discount = ONE / (ONE + rate)
        return sum((_present(row, discount) / (ONE + share * rate) for share, row in by_fraction), Decimal(0))

    rate = rate_root(value, sign_changes=sign_changes(_net(flows)))
    yearly = unit_periods_per_year
    return HUNDRED * rate * (as_decimal(yearly) if isinstance(yearly, Fraction) else yearly)


def _by_fraction(flows: list[tuple[int, Decimal, Decimal]]) -> list[tuple[Decimal, list[Decimal]]]:
    """Return for each fraction the amounts by whole unit-period, the last one first (for Horner's scheme)."""
    rows: dict[Decimal, list[Decimal]] = {}
    for periods, share, amount in flows:
        row = rows.setdefault(share, [])
        row.extend([Decimal(0)] * (periods + 1 - len(row)))
        row[periods] += amount
    return [(share, row[::-1]) for share, row in rows.items()]


def _present(row: list[Decimal], discount: Decimal) -> Decimal:
    total = Decimal(0)
    for amount in row:
        total = total * discount + amount
    return total


def _net(flows: list[tuple[int, Decimal, Decimal]]) -> list[Decimal]:
    """Return the amounts in the order of time, those of one moment together."""
    merged: dict[Decimal, Decimal] = {}
    for periods, share, amount in flows:
        moment = periods + share
        merged[moment] = merged.get(moment, Decimal(0)) + amount
    return [merged[moment] for moment in sorted(merged)]


def apr_us_dated(
    *, advances: Sequence[tuple[date, Decimal]], payments: Sequence[tuple[date, Decimal]], unit: UnitPeriod
) -> Decimal:
    """Return `apr_us` of dated transfers, the first advance being the beginning; times by Appendix J (b)(5)."""
    began = min(day for day, _ in advances)

    def transfers(rows: Sequence[tuple[date, Decimal]]) -> list[Transfer]:
        measured = ((amount, *measure(began, day, unit)) for day, amount in rows)
        return [Transfer(amount, whole, as_decimal(share)) for amount, whole, share in measured]

    return apr_us(
        advances=transfers(advances), payments=transfers(payments), unit_periods_per_year=unit.periods_per_year
    )


def apr_us_single(*, advance: Decimal, payment: Decimal, start: date, end: date) -> Decimal:
    """Return `apr_us` of one advance and one payment: the term is the unit-period, or the year where it is longer."""
    yearly = term_periods_per_year(start, end)
    if yearly is None:
        return apr_us_dated(advances=[(start, advance)], payments=[(end, payment)], unit=YEAR)
    return apr_us(advances=[Transfer(advance, 0)], payments=[Transfer(payment, 1)], unit_periods_per_year=yearly)


def apr_eu(*, drawdowns: Sequence[tuple[Decimal, Fraction]], payments: Sequence[tuple[Decimal, Fraction]]) -> Decimal:
    """Return the EU's annual percentage rate of charge X of (amount, years after the first drawdown).

    Solves sum C (1 + X)^-t = sum D (1 + X)^-s. Source: Directive 2008/48/EC, Annex I, part I (before it 87/102/EEC as
    changed by 98/7/EC, Annex II). How dates become years is the caller's choice: see `day_count.eu_years`.
    """
    flows = [(as_decimal(years), amount) for amount, years in drawdowns]
    flows += [(as_decimal(years), -amount) for amount, years in payments]
    return HUNDRED * timed_irr(flows)
