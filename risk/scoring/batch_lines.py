"""The lines of a file of people to be scored, NDJSON or CSV: what each asks for, or what is wrong with it.

A line ends with a line feed: the rest behind the last one was cut off. A CSV names its columns in its first line, as
the parts of a JSON line with a point between them: person_reference, consent.reference, features.income.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import msgspec

from hub.errors import DomainError, FieldError, Invalid
from hub.parsing import YEARS, Moment, convert, strict_json
from risk.scoring.computing import compute
from risk.scoring.glassbox import Calibration, NumberAxis, Scorer
from risk.scoring.serializers import ConsentBody, Reference

LINE_BYTES_MAX = 100_000
COLUMNS = ("person_reference", "consent.reference", "consent.text_version", "consent.given_at")
_GIVEN_AT, _EXPIRES_AT = "consent.given_at", "consent.expires_at"
MORE_COLUMNS = (_EXPIRES_AT,)
_LONGEST = (("person_reference", 200), ("consent.reference", 200), ("consent.text_version", 60))
TEXT_MAX = 200
NUMBER_MAX = 1e308
FEATURE = "features."
Value = float | str | None
Text = Annotated[str, msgspec.Meta(max_length=TEXT_MAX)]


class LineBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One line: as of POST /scores, without the model line."""

    person_reference: Reference
    consent: ConsentBody
    features: Annotated[dict[str, float | Text | None], msgspec.Meta(max_length=500)]


class Raw(msgspec.Struct, frozen=True, gc=False):
    """A line of the file: its number as an editor counts, its bytes, the place behind it. `fault` where it is none."""

    number: int
    bytes: bytes
    end: int
    fault: FieldError | None = None


@dataclass(slots=True)
class Read:
    """What some lines ask for, and by their numbers what is wrong with the others."""

    numbers: list[int] = field(default_factory=list)
    bodies: list[LineBody] = field(default_factory=list)
    problems: dict[int, Sequence[FieldError]] = field(default_factory=dict)


def raw_lines(path: Path, *, start: int, number: int) -> Iterator[Raw]:
    """Return the lines from the byte `start` on, the first of which has this number; empty ones too."""
    with path.open("rb") as file:
        file.seek(start)
        place = start
        while raw := file.readline(LINE_BYTES_MAX + 1):
            fault = None
            place += len(raw)
            if not raw.endswith(b"\n"):
                rest = 0
                if len(raw) > LINE_BYTES_MAX:
                    rest, raw = _skipped(file), b""
                    fault = FieldError("", "too_long", f"A line has at most {LINE_BYTES_MAX:,} bytes.")
                else:
                    fault = FieldError("", "cut_off", "The line does not end: the file was cut off. Send it again.")
                place += rest
            yield Raw(number, raw, place, fault)
            number += 1


def _skipped(file: Any) -> int:
    skipped = 0
    while more := file.readline(LINE_BYTES_MAX):
        skipped += len(more)
        if more.endswith(b"\n"):
            break
    return skipped


def header_of(path: Path, scorer: Scorer) -> list[str]:
    """Return the columns of a CSV; `Invalid` for any that means nothing here, or where a needed one is missing."""
    with path.open("rb") as file:
        first = file.readline(LINE_BYTES_MAX + 1)
    try:
        names = [name.strip() for name in next(csv.reader([first.decode("utf-8-sig").rstrip("\r\n")], strict=True))]
    except (csv.Error, UnicodeDecodeError, StopIteration):
        names = []
    known = {*COLUMNS, *MORE_COLUMNS, *(FEATURE + name for name in scorer.names)}
    faults = [
        FieldError("/file", "unknown_column", f"Name the columns of the first line from: {', '.join(sorted(known))}.")
        for name in names
        if name not in known
    ]
    if len(set(names)) != len(names) or not set(COLUMNS) <= set(names):
        faults.append(FieldError("/file", "bad_header", f"The first line names {', '.join(COLUMNS)} once each."))
    elif not any(name.startswith(FEATURE) for name in names):
        faults.append(FieldError("/file", "bad_header", "The first line names a feature, such as features.income."))
    if faults:
        raise Invalid(faults[:1])
    return names


class LineReader:
    """Reads the lines of one file for one model version; `header` is empty for NDJSON."""

    def __init__(self, scorer: Scorer, calibration: Calibration, header: Sequence[str]) -> None:
        self._scorer, self._calibration = scorer, calibration
        self._kinds = {axis.name: float if isinstance(axis, NumberAxis) else str for axis in scorer.features}
        self._header = header
        self._features = [
            (at, name.removeprefix(FEATURE), self._kinds.get(name.removeprefix(FEATURE)) is float)
            for at, name in enumerate(header)
            if name.startswith(FEATURE)
        ]
        self._names = [name for _, name, _ in self._features]
        self._kinds_of_columns = [(FEATURE + name, number) for _, name, number in self._features]
        self._at = {name: at for at, name in enumerate(header)}

    def read(self, lines: Sequence[Raw]) -> Read:
        """Return what these lines ask for; empty ones ask for nothing."""
        if self._header and (bodies := self._plain_bodies(lines)) is not None:
            return Read([line.number for line in lines], bodies)
        found = Read()
        for line in lines:
            if line.fault is not None:
                found.problems[line.number] = [line.fault]
            elif line.bytes.strip():
                try:
                    body = self._body(line.bytes)
                except DomainError as error:
                    found.problems[line.number] = error.errors or [FieldError("", error.code, error.detail)]
                else:
                    found.numbers.append(line.number)
                    found.bodies.append(body)
        return found

    def _body(self, raw: bytes) -> LineBody:
        values = self._cells(raw) if self._header else strict_json(raw)
        try:
            body = msgspec.convert(values, LineBody)
        except msgspec.ValidationError:
            return convert(values, LineBody)  # raises, with every fault
        given = body.consent
        if given.given_at.year not in YEARS or (given.expires_at and given.expires_at.year not in YEARS):
            return convert(values, LineBody)
        kinds, some = self._kinds, False
        for name, value in body.features.items():
            if value is not None:
                some = True
                if type(value) is not kinds.get(name):
                    some = False
                    break
            elif name not in kinds:
                some = False
                break
        if not some:
            compute(self._scorer, body.features, self._calibration)  # raises, with every fault
        return body

    def _plain_bodies(self, lines: Sequence[Raw]) -> list[LineBody] | None:
        """Read many lines of a CSV together, column by column; None unless all are plain and nothing is wrong.

        Whatever this way does not take is read again line by line, which tells what is wrong.
        """
        try:
            text = b"".join([line.bytes for line in lines]).decode()
            if '"' in text or "\0" in text or "\r" in text or any(line.fault for line in lines):
                return None
            rows = [one.split(",") for one in text[:-1].split("\n")]
            if " " in text or "\t" in text:
                rows = [[cell.strip() for cell in row] for row in rows]
            columns = dict(zip(self._header, zip(*rows, strict=True), strict=True))
            features = [self._column(columns[name], number) for name, number in self._kinds_of_columns]
            if len(rows) != len(lines) or not all(_texts_fit(columns[name], most) for name, most in _LONGEST):
                return None
            moments = {one: _moment(one) for one in set(columns[_GIVEN_AT])}
            until = {one: _moment(one) if one else None for one in set(columns.get(_EXPIRES_AT, ()))}
        except (ValueError, msgspec.ValidationError):
            return None
        ends = columns.get(_EXPIRES_AT, [""] * len(rows))
        consents = map(
            ConsentBody, columns["consent.reference"], columns["consent.text_version"],
            map(moments.__getitem__, columns[_GIVEN_AT]), map({"": None, **until}.__getitem__, ends),
        )  # fmt: skip
        given = [dict(zip(self._names, row, strict=True)) for row in zip(*features, strict=True)]
        if not all(any(value is not None for value in row.values()) for row in given):
            return None
        return list(map(LineBody, columns["person_reference"], consents, given))

    def _column(self, cells: Sequence[str], number: bool) -> list[Value]:
        if not number:
            if not _texts_fit(cells, TEXT_MAX, least=0):
                raise ValueError
            return [cell or None for cell in cells]
        together = "".join(cells)
        if "_" in together or not together.isascii():
            raise ValueError
        numbers = [float(cell) for cell in cells if cell]
        if numbers and not (min(numbers) >= -NUMBER_MAX and max(numbers) <= NUMBER_MAX and all(map(isfinite, numbers))):
            raise ValueError
        following = iter(numbers)
        return [next(following) if cell else None for cell in cells]

    def _cells(self, raw: bytes) -> dict[str, Any]:
        try:
            text = raw.decode()
            cells = text.split(",") if '"' not in text else next(csv.reader([text.rstrip("\r\n")], strict=True))
        except (csv.Error, UnicodeDecodeError, StopIteration):
            raise Invalid([FieldError("", "unreadable", "The line is no CSV in UTF-8 with commas.")]) from None
        if len(cells) != len(self._header) or "\0" in text:
            detail = f"The line has {len(cells)} cells instead of {len(self._header)}, or holds U+0000."
            raise Invalid([FieldError("", "wrong_count", detail)])
        at = self._at
        consent = {name.partition(".")[2]: cells[at[name]].strip() for name in COLUMNS[1:]}
        expires_at = cells[at[MORE_COLUMNS[0]]].strip() if MORE_COLUMNS[0] in at else ""
        return {
            "person_reference": cells[at["person_reference"]].strip(),
            "consent": {**consent, "expires_at": expires_at or None},
            "features": {
                name: (_number(cells[place]) if number else cells[place].strip() or None)
                for place, name, number in self._features
            },
        }


def _number(cell: str) -> Value:
    """A cell as a number, None where it is empty; as it is where it is none, so that its type is found wrong."""
    try:
        value = float(cell)
    except ValueError:
        return cell.strip() or None
    # float() also takes underscores, other scripts' digits, nan and infinity.
    return value if -NUMBER_MAX <= value <= NUMBER_MAX and "_" not in cell and cell.isascii() else cell.strip()


def _texts_fit(cells: Sequence[str], most: int, *, least: int = 1) -> bool:
    return least <= min(map(len, cells)) and max(map(len, cells)) <= most


def _moment(text: str) -> datetime:
    found = msgspec.convert(text, Moment)
    if found.year not in YEARS:
        raise ValueError
    return found
