"""The lines of a book's file, plain or gzip, with limits: one line is one record, counted as an editor counts them."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import IO, cast

from django.conf import settings

from risk.features.facade import HeaderError, Mapping, RowProblem, RowReader, split_line

LINE_BYTES_MAX = 1_000_000
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_PULSE_LINES = 100_000


class BookFileError(Exception):
    """The file as a whole cannot be read; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line below the header: its number in the file (the header is 1), its bytes without the line end.

    `end` is the place behind it in the plain text, `number` - 1 the lines below the header so far.
    """

    number: int
    raw: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look at the whole file tells, before any line is taken. Of its `lines`, `filled` are not empty."""

    header_bytes: int
    plain_bytes: int
    lines: int
    filled: int
    sums: dict[str, Decimal]


def read_header(path: Path, *, delimiter: str) -> tuple[list[str], int]:
    """The column names and the bytes up to the second line. Raises BookFileError."""
    with _opened(path) as file:
        raw = _read_line(file, 1)
    cells = split_line(raw.removeprefix(_BOM).rstrip(b"\r\n"), delimiter=delimiter)
    if isinstance(cells, RowProblem):
        raise BookFileError(f"The header cannot be read. {cells.detail}")
    if not any(cell.strip() for cell in cells):
        raise BookFileError("The file is empty: its first line must name the columns.")
    return [cell.strip() for cell in cells], len(raw)


def reader_for(path: Path, mapping: Mapping) -> RowReader:
    """The row reader of a file. Raises BookFileError, or HeaderError where header and mapping differ."""
    return RowReader(mapping, read_header(path, delimiter=mapping.delimiter)[0])


def lines_of(path: Path, *, start: int, number: int) -> Iterator[Line]:
    """The lines from the place `start` in the plain text on, the first of which has this number; empty ones too.

    Raises BookFileError where the file is damaged or beyond the limits.
    """
    limit: int = settings.BOOK_PLAIN_BYTES_MAX
    with _opened(path) as file:
        file.seek(start)
        place = start
        while raw := _read_line(file, number):
            place += len(raw)
            if place > limit:
                raise BookFileError(f"Unpacked, the file has more than {limit // 1_000_000} MB: split it.")
            yield Line(number, raw.rstrip(b"\r\n"), place)
            number += 1


def scan(path: Path, mapping: Mapping, *, sum_columns: tuple[str, ...], pulse: Callable[[], None]) -> Scan:
    """Look at the whole file: is it whole, how many lines, what do columns add up to. `pulse` is called on the way.

    In a sum, a cell that is no number counts as nothing. Raises BookFileError.
    """
    header, start = read_header(path, delimiter=mapping.delimiter)
    places = {header.index(column): column for column in sum_columns if column in header}
    sums = dict.fromkeys(sum_columns, Decimal(0))
    end, lines, filled = start, 0, 0
    for line in lines_of(path, start=start, number=2):
        end, lines, filled = line.end, lines + 1, filled + bool(line.raw.strip())
        if places:
            _add(line.raw, mapping.delimiter, places, sums)
        if lines % _PULSE_LINES == 0:
            pulse()
    if not filled:
        raise BookFileError("The file has no line below its header.")
    return Scan(start, end, lines, filled, sums)


def _add(raw: bytes, delimiter: str, places: dict[int, str], sums: dict[str, Decimal]) -> None:
    cells = split_line(raw, delimiter=delimiter)
    if isinstance(cells, RowProblem):
        return
    for place, column in places.items():
        try:
            amount = Decimal(cells[place])
        except (IndexError, InvalidOperation):
            continue
        if amount.is_finite():
            sums[column] += amount


def _opened(path: Path) -> IO[bytes]:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
        return cast(IO[bytes], gzip.open(path, "rb")) if packed else path.open("rb")
    except FileNotFoundError:
        raise BookFileError("The file is no longer there: hand it in again.") from None


def _read_line(file: IO[bytes], number: int) -> bytes:
    try:
        raw = file.readline(LINE_BYTES_MAX + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise BookFileError(f"The gzip file is cut off or damaged near line {number}: send it again, whole.") from None
    if len(raw) > LINE_BYTES_MAX:
        raise BookFileError(f"Line {number} has more than {LINE_BYTES_MAX} bytes: is this a CSV file?")
    return raw


__all__ = ["BookFileError", "HeaderError", "Line", "Scan", "lines_of", "read_header", "reader_for", "scan"]
