"""One reader for each group of golden cases: it runs our own functions and returns all that may be expected."""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hub.finance import apr, day_count, irr, outcomes, past_due, payoff, schedules
from hub.finance.rounding import as_decimal
from tests.golden import terms
from tests.golden.reading import Case, Fields, day, number

Got = dict[str, Any]


def regz_apr(case: Case) -> Got:
    assert case.method == "us_reg_z_actuarial", case.method
    given = case.input
    given.ignore("shape", "calendar")
    percent = apr.apr_us(
        advances=_transfers(given.take("advances")),
        payments=_transfers(given.take("payments")),
        unit_periods_per_year=number(given.take("unit_periods_per_year")),
    )
    return _percent("apr_percent", percent)


def _transfers(rows: Sequence[dict[str, Any]]) -> list[apr.Transfer]:
    made = []
    for row in rows:
        one = Fields(row, "a transfer")
        share = as_decimal(number(one.take("fraction", 0)))
        made.append(apr.Transfer(Decimal(one.take("amount")), one.take("whole_unit_periods"), share))
        one.close()
    return made


def _percent(name: str, value: Decimal) -> Got:
    return {name: value, f"{name}_1dp": value, f"{name}_2dp": value}


def eu_apr(case: Case) -> Got:
    assert case.method == "eu_annual_equivalence", case.method
    given = case.input
    given.ignore("dates")
    rows = {name: _timed(given.take(name)) for name in ("drawdowns", "payments")}
    return _percent("apr_percent", apr.apr_eu(drawdowns=rows["drawdowns"], payments=rows["payments"]))


def _timed(rows: Sequence[dict[str, Any]]) -> list[tuple[Decimal, Fraction]]:
    made = []
    for row in rows:
        one = Fields(row, "a transfer")
        made.append((Decimal(one.take("amount")), number(one.take("years"))))
        one.close()
    return made


def eu_intervals(case: Case) -> Got:
    given, unit = case.input, case.input.take("unit")
    counted = f"whole {unit}s counted back from the later date, then days over 365 or 366"
    assert case.method in ("", counted), case.method
    start, end = day(given.take("start")), day(given.take("end"))
    units, days, year_days = day_count.eu_interval(start, end, unit)
    years = day_count.eu_years(start, end, unit)
    # Of whole years, "years" is the interval itself: the units have another name.
    whole = "whole_years" if unit == "year" else f"{unit}s"
    return {whole: units, "days": days, "year_length": year_days if days else None, "years": years}


def schedule_cases(case: Case) -> Got:
    given = case.input
    rule = terms.rounding(given.take("rounding", "half_up"))
    places = terms.digits(given, rule.digits)
    convention = terms.convention(given.take("convention"))
    dates = terms.dates(given)
    rates = schedules.period_rates(
        annual_rate_percent=Decimal(given.take("annual_rate_percent")), dates=dates, convention=convention
    )
    got: Got = {"period_rate_12dp": [as_decimal(rate) for rate in rates]}
    if case.method == "period_rate":
        return got
    principal = Decimal(given.take("principal"))
    if case.method == "equal_instalment_ceiled_to_unit":
        made = schedules.equal_instalments_to_unit(principal=principal, rates=rates, due_on=dates[1:])
    else:
        over = {
            "equal_instalment_declining_balance": schedules.equal_instalments_over,
            "equal_principal": schedules.equal_principal_over,
        }[case.method]
        made = over(principal=principal, rates=rates, due_on=dates[1:], rounding=rule.rule, digits=places)
    return got | _schedule(made)


def _schedule(made: schedules.Schedule) -> Got:
    rows = made.instalments
    return {
        "instalment": rows[0].due,
        "last_instalment": rows[-1].due,
        "total_interest": made.total_interest,
        "total_payment": made.total_due,
        "total_interest_0dp": made.total_interest,
        "total_payment_0dp": made.total_due,
        "rows": [
            {"no": one.number, "due": one.due, "principal": one.principal, "interest": one.interest,
             "balance": one.balance, "due_on": one.due_on.isoformat()}
            for one in rows
        ],
        "rows_0dp": {str(one.number): [one.principal, one.interest, one.balance] for one in rows},
    }  # fmt: skip


def prepayment_overdue(case: Case) -> Got:
    given = case.input
    rule = terms.rounding(given.take("rounding", "half_even"))
    dates, convention = terms.dates(given), terms.convention(given.take("convention"))
    rate = Decimal(given.take("annual_rate_percent"))
    common: dict[str, Any] = {
        "principal": Decimal(given.take("principal")),
        "rates": schedules.period_rates(annual_rate_percent=rate, dates=dates, convention=convention),
        "dates": dates,
        "payments": [(day(text[:10]), Decimal(text[11:])) for text in given.take("paid")],
        "rounding": rule.rule,
        "digits": terms.digits(given, rule.digits),
    }
    policy = given.take("policy")
    if policy == "interest on the unpaid principal, not compounded":
        return _overdue(payoff.overdue_schedule(**common, as_of=day(given.take("as_of"))))
    to_end = {"interest to the payoff day": False, "interest to the end of the period": True}[policy]
    made = payoff.payoff(**common, on=day(given.take("payoff_on")), to_period_end=to_end)
    return {"principal": made.principal, "interest": made.interest, "payoff": made.total}


def _overdue(made: schedules.Schedule) -> Got:
    interests = {one.interest for one in made.instalments}
    return {
        "interest_each": interests.pop() if len(interests) == 1 else None,
        "rows_interest": [one.interest for one in made.instalments],
        "rows_principal": [one.principal for one in made.instalments],
        "rows_due": [one.due for one in made.instalments],
        "last_due": made.instalments[-1].due,
        "total_interest": made.total_interest,
    }


def irr_cases(case: Case) -> Got:
    given = case.input
    if case.method == "pmt":
        return {
            "payment": irr.pmt(
                rate=number(given.take("rate_per_period")),
                periods=given.take("periods"),
                present_value=Decimal(given.take("present_value")),
                future_value=Decimal(given.take("future_value", 0)),
                in_advance={"end": False, "begin": True}[given.take("when", "end")],
            )
        }
    flows, dates = [Decimal(str(flow)) for flow in given.take("flows")], given.take("dates", None)
    if case.method == "irr_period":
        assert dates is None
        return {"rate": irr.irr(flows)}
    assert case.method == "xirr_365", case.method
    return {"rate": irr.xirr(flows, [day(text) for text in dates])}


def china_all_in(case: Case) -> Got:
    given = case.input
    given.ignore("description")
    payments = [Decimal(text) for text in given.take("monthly_payments")]
    assert given.take("periods") == len(payments)
    proceeds = Decimal(given.take("principal")) - Decimal(given.take("upfront_fee", "0"))
    rate = irr.irr([-proceeds, *payments])
    got: Got = {"irr_month": rate}
    for kind, percent in (("simple", irr.annualised_simple(rate)), ("compound", irr.annualised_compound(rate))):
        got[f"annualised_{kind}_percent_2dp"] = percent
        for cap in re.findall(rf"within_(\d+)_percent_{kind}", " ".join(case.expected)):
            got[f"within_{cap}_percent_{kind}"] = percent <= int(cap)
    return got


def day_counts(case: Case) -> Got:
    start, end = day(case.input.take("start")), day(case.input.take("end"))
    fraction = {
        "act_360": "actual/360", "act_364": "actual/364", "act_365": "actual/365", "act_act_isda": "actual/actual",
        "thirty_360_bond": "30/360", "30_360_bond": "30/360", "30_360": "30/360", "30e_360": "30E/360",
    }  # fmt: skip
    got: Got = {name: day_count.year_fraction(start, end, rule) for name, rule in fraction.items()}
    return got | {
        "days_30_360_bond": day_count.days_30_360(start, end),
        "days_30e_360": day_count.days_30e_360(start, end),
        "days_actual": day_count.days_actual(start, end),
    }


def labels(case: Case) -> Got:
    given = case.input
    made = outcomes.label(
        month_end_dpd=given.take("month_end_dpd"),
        months_on_book=given.take("months_on_book_at_observation"),
        window_months=given.take("performance_window_months"),
        charged_off_month=given.take("charged_off_month"),
        closed_month=given.take("closed_month"),
        confirmed_fraud=given.take("confirmed_fraud"),
    )
    return {"label": made.name, "max_dpd_in_window": made.max_dpd}


def dpd_buckets(case: Case) -> Got:
    days = case.input.take("days_past_due")
    return {"bucket": past_due.bucket(days), "bad_90_plus": past_due.is_bad(days)}


def dpd_counter(case: Case) -> Got:
    given = case.input
    days = past_due.days_past_due(
        dues=[(day(on), Decimal(amount)) for on, amount in given.take("due")],
        payments=[(day(on), Decimal(amount)) for on, amount in given.take("payments")],
        as_of=day(given.take("as_of")),
        tolerance=Decimal(given.take("tolerance", "0")),
    )
    return {"days_past_due": days, "bucket": past_due.bucket(days)}


def generated_loans(case: Case) -> Got:
    given = case.input
    rule = terms.rounding(given.take("rounding"))
    principal, fee = Decimal(given.take("principal")), Decimal(given.take("upfront_fee"))
    dates, convention = terms.dates(given), terms.convention(given.take("convention"))
    rates = schedules.period_rates(
        annual_rate_percent=Decimal(given.take("annual_rate_percent")), dates=dates, convention=convention
    )
    made = schedules.equal_instalments_over(
        principal=principal, rates=rates, due_on=dates[1:], rounding=rule.rule, digits=terms.digits(given, rule.digits)
    )
    dues = [one.due for one in made.instalments]
    us = apr.apr_us(
        advances=[apr.Transfer(principal - fee, 0)],
        payments=[apr.Transfer(due, month) for month, due in enumerate(dues, 1)],
        unit_periods_per_year=Decimal(12),
    )
    eu = apr.apr_eu(
        drawdowns=[(principal - fee, Fraction(0))],
        payments=[(due, Fraction(month, 12)) for month, due in enumerate(dues, 1)],
    )
    return _schedule(made) | _percent("reg_z_apr_percent", us) | _percent("eu_apr_percent", eu)


READERS: dict[str, Callable[[Case], Got]] = {
    "regz_apr": regz_apr, "eu_apr": eu_apr, "eu_intervals": eu_intervals, "schedules": schedule_cases,
    "prepayment_overdue": prepayment_overdue, "irr": irr_cases, "china_all_in": china_all_in,
    "day_count": day_counts, "labels": labels, "dpd_buckets": dpd_buckets, "dpd_counter": dpd_counter,
    "generated_loans": generated_loans,
}  # fmt: skip
