"""What goes into `loans`: a report as an institution writes it, and its checks against the loan that it names."""

import hashlib
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, get_args

import msgspec

from hub.described import only
from hub.errors import FieldError, Invalid
from hub.finance.schedules import PERIODS_MAX
from hub.money import AMOUNT_SCHEMA, DIGITS, parse_amount
from partners.loans.life import Report, last_day

SEQUENCE_MAX = 2**31 - 1
Sequence_ = Annotated[int, msgspec.Meta(ge=1, le=SEQUENCE_MAX)]
Amount = Annotated[str, msgspec.Meta(max_length=30, extra_json_schema=AMOUNT_SCHEMA)]
Kind = Literal["month_end", "payment", "charged_off", "closed", "restructured", "rescinded", "sold"]


class Due(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What falls due on a day."""

    due_on: date
    amount: Amount


_NEEDED = {"payment": {"amount"}, "month_end": {"paid_total"}, "restructured": {"paid_total", "schedule"}}
_ALLOWED = {"charged_off": {"confirmed_fraud"}}
_OPTIONAL = ("amount", "paid_total", "schedule", "confirmed_fraud")


class NewReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A report on a loan under a number of the institution's own: the same number again is the same report.

    `payment` needs `amount`, paid on `as_of`. `month_end` needs `paid_total`, all that was paid up to `as_of`, which is
    the last day of a month. `restructured` needs `paid_total` and the new `schedule`. `charged_off` may carry
    `confirmed_fraud`. A correction is a new report that names in `corrects` the number it replaces.
    """

    sequence: Sequence_
    kind: Kind
    as_of: date
    amount: Amount | None = None
    paid_total: Amount | None = None
    corrects: Sequence_ | None = None
    confirmed_fraud: bool = False
    schedule: Annotated[list[Due], msgspec.Meta(max_length=PERIODS_MAX)] | None = None

    RULES: ClassVar[dict[str, Any]] = {
        "oneOf": [
            only({"kind": kind}, needed=_NEEDED.get(kind, ()), of=_OPTIONAL, allowed=_ALLOWED.get(kind, ()))
            for kind in get_args(Kind)
        ]
    }


_ZONES = timedelta(days=1)  # a lender's day may be a day ahead of ours


def checked(new: NewReport, *, currency: str, opened_on: date, today: date) -> Report:
    """Return a report's facts; `Invalid` names every fault. Other reports do not count: they come in any order."""
    faults = [*_field_faults(new), *_day_faults(new, opened_on, today)]
    amounts: dict[str, Decimal | None] = {}
    for name in ("amount", "paid_total"):
        amounts[name] = _amount(getattr(new, name), currency, f"/{name}", faults)
    dues = _dues(new, currency, faults)
    if faults:
        raise Invalid(faults)
    return Report(
        new.sequence, new.kind, new.as_of, amounts["amount"], amounts["paid_total"], new.corrects,
        new.confirmed_fraud, dues,
    )  # fmt: skip


def _field_faults(new: NewReport) -> list[FieldError]:
    needed = _NEEDED.get(new.kind, set())
    given = {name for name in _OPTIONAL if getattr(new, name)}
    faults = [FieldError(f"/{name}", "missing", f"A report of this kind needs {name}.") for name in needed - given]
    for name in given - needed - _ALLOWED.get(new.kind, set()):
        faults.append(FieldError(f"/{name}", "unknown_field", "Leave it out: a report of this kind has no such field."))
    if new.corrects is not None and new.corrects >= new.sequence:
        faults.append(
            FieldError("/corrects", "not_earlier", "A correction has a higher sequence than what it corrects.")
        )
    return faults


def _day_faults(new: NewReport, opened_on: date, today: date) -> list[FieldError]:
    if not opened_on <= new.as_of <= today + _ZONES:
        return [FieldError("/as_of", "out_of_range", f"Give a day from {opened_on}, when the loan began, to today.")]
    if new.kind == "month_end" and new.as_of != last_day(new.as_of):
        return [FieldError("/as_of", "not_a_month_end", "Give the last day of a month.")]
    return []


def _amount(text: str | None, currency: str, pointer: str, faults: list[FieldError]) -> Decimal | None:
    try:
        return None if text is None else parse_amount(text, digits=DIGITS[currency], pointer=pointer)
    except Invalid as error:
        faults.extend(error.errors)
        return None


def _dues(new: NewReport, currency: str, faults: list[FieldError]) -> list[tuple[date, Decimal]]:
    dues: list[tuple[date, Decimal]] = []
    for at, one in enumerate(new.schedule or ()):
        amount = _amount(one.amount, currency, f"/schedule/{at}/amount", faults)
        if one.due_on <= (dues[-1][0] if dues else new.as_of):
            detail = "Give the days in their order, all after as_of."
            faults.append(FieldError(f"/schedule/{at}/due_on", "out_of_order", detail))
        dues.append((one.due_on, amount or Decimal(0)))
    return dues


def digest(fact: Report, *, currency: str) -> str:
    """Return the SHA-256 of what a report says: the same for the same content, however its amounts are written."""
    places = Decimal(1).scaleb(-DIGITS[currency])

    def text(amount: Decimal | None) -> str | None:
        return None if amount is None else str(amount.quantize(places))

    said = [
        fact.sequence, fact.kind, fact.as_of.isoformat(), text(fact.amount), text(fact.paid_total), fact.corrects,
        fact.confirmed_fraud, [[day.isoformat(), text(amount)] for day, amount in fact.dues],
    ]  # fmt: skip
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()
