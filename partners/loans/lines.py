"""The lines of a file of reports, NDJSON or CSV. A line ends with a line feed: the rest after the last one was cut off.

So a file that broke off gives exactly its good lines, and never half a number that looks like a whole one.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec

from hub.errors import DomainError, FieldError, Invalid
from hub.parsing import convert, strict_json
from partners.loans.shapes import NewReport

COLUMNS = ("loan_id", "sequence", "kind", "as_of", "amount", "paid_total", "corrects", "confirmed_fraud")
LINE_BYTES_MAX = 100_000
DIGITS_MAX = 18  # of a whole number in a cell: far more than any that means something
_SUMMED_BELOW = Decimal(10) ** DIGITS_MAX
_TRUTH = {"true": True, "false": False, "": False}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file: its number as an editor counts, and its bytes; `whole` unless its line feed is missing."""

    number: int
    raw: bytes
    whole: bool


def lines_of(content: bytes, format_: str) -> list[Line]:
    """Return the lines that are to be taken: not the header of a CSV, and no empty ones."""
    pieces = content.split(b"\n")
    found = [Line(number, raw.rstrip(b"\r"), number < len(pieces)) for number, raw in enumerate(pieces, 1)]
    return [line for line in (found[1:] if format_ == "csv" else found) if line.raw.strip()]


def header_of(content: bytes) -> list[str]:
    """Return the columns of a CSV; `Invalid` for any that means nothing here, or where a needed one is missing."""
    first = content.partition(b"\n")[0].decode("utf-8-sig", "replace").rstrip("\r")
    try:
        names = [name.strip() for name in next(csv.reader([first]), [])]
    except csv.Error:  # such as a name of more characters than the reader takes
        names = []
    faults = [
        FieldError("/file", "unknown_column", f"Name the columns of the first line from: {', '.join(COLUMNS)}.")
        for name in names
        if name not in COLUMNS
    ]
    if len(set(names)) != len(names) or not set(COLUMNS[:4]) <= set(names):
        faults.append(FieldError("/file", "bad_header", f"The first line names {', '.join(COLUMNS[:4])} once each."))
    if faults:
        raise Invalid(faults[:1])
    return names


def read(line: Line, header: list[str]) -> tuple[UUID, NewReport]:
    """Return the loan and the report that a line tells of; a `DomainError` says what is wrong with it.

    `header` is empty for NDJSON.
    """
    if not line.whole:
        raise Invalid([FieldError("", "cut_off", "The line does not end: the file was cut off here. Send it again.")])
    if len(line.raw) > LINE_BYTES_MAX:
        raise Invalid([FieldError("", "too_long", f"A line has at most {LINE_BYTES_MAX} bytes.")])
    values = _cells(line.raw, header) if header else strict_json(line.raw)
    if not isinstance(values, dict):
        raise Invalid([FieldError("", "wrong_type", "Write one JSON object a line.")])
    loan_id = _loan_id(values.pop("loan_id", None))
    return loan_id, convert(values, NewReport)


def _loan_id(text: Any) -> UUID:
    try:
        return msgspec.convert(text, UUID)
    except msgspec.ValidationError:
        raise Invalid([FieldError("/loan_id", "wrong_format", "Give the UUID of one of your loans.")]) from None


def _cells(raw: bytes, header: list[str]) -> dict[str, Any]:
    try:
        cells = next(csv.reader([raw.decode()], strict=True))
    except (csv.Error, UnicodeDecodeError, StopIteration):
        raise Invalid([FieldError("", "unreadable", "The line is no CSV in UTF-8 with commas.")]) from None
    if len(cells) != len(header):
        raise Invalid([FieldError("", "wrong_count", f"The line has {len(cells)} cells instead of {len(header)}.")])
    given = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    values: dict[str, Any] = {name: cell for name, cell in given.items() if cell and name != "confirmed_fraud"}
    for name in ("sequence", "corrects"):
        if len(values.get(name, "")) <= DIGITS_MAX and values.get(name, "").isdecimal():
            values[name] = int(values[name])
    fraud = given.get("confirmed_fraud", "").lower()
    values["confirmed_fraud"] = _TRUTH.get(fraud, fraud)
    return values


def sum_of_amounts(content: bytes, format_: str) -> Decimal:
    """Return what the `amount` of all lines adds up to; a line that cannot be read, or has none, counts as nothing."""
    return sum(_amounts(content, format_), Decimal(0))


def _amounts(content: bytes, format_: str) -> Iterator[Decimal]:
    header = header_of(content) if format_ == "csv" else []
    for line in lines_of(content, format_):
        try:
            values = _cells(line.raw, header) if header else strict_json(line.raw)
            amount = Decimal(values.get("amount") or 0)
        except (DomainError, InvalidOperation, AttributeError, TypeError, ValueError):
            continue
        if amount.is_finite() and abs(amount) < _SUMMED_BELOW:
            yield amount
