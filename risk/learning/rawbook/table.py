"""A CSV file, plain or gzip, as columns of texts."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

LIMIT_CELLS = 30_000_000
DELIMITERS = ",;\t|"
GZIP = b"\x1f\x8b"
# As spreadsheets and scientific tools write them; compared in lower case.
MISSING = frozenset({"", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "(null)", "?", ".", "-", "--"})


class RawBookError(ValueError):
    """The book cannot be measured; the text names the place and the remedy."""


def read_columns(path: Path) -> dict[str, list[str]]:
    """The columns of a file by name, cells stripped. Raises RawBookError."""
    text = _text_of(path)
    header, _, _ = text.partition("\n")
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        first = next(reader, [])
        names = _named(first)
        rows = list(_rows(reader, len(names)))
    except csv.Error as error:
        raise RawBookError(f"{path.name}, line {reader.line_num}: {error}. Is the file a CSV text?") from error
    if not rows:
        raise RawBookError(f"{path.name} is empty: it needs a header line with the names of its columns, and rows.")
    return {
        name: [cell.strip() for cell in column] for name, column in zip(names, zip(*rows, strict=True), strict=True)
    }


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value. A capital `None` does, a category `none` does not."""
    return cell.lower() in MISSING or cell == "None"


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
        if data.startswith(GZIP):
            data = gzip.decompress(data)
        elif path.suffix == ".gz":
            raise RawBookError(f"{path.name} is not gzip, although its name says so: rename it to .csv, or pack it.")
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RawBookError(f"{path.name} is a damaged gzip file ({error}): fetch or pack it again.") from error
    except OSError as error:
        raise RawBookError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _named(header: Iterable[str]) -> list[str]:
    """Unique names: a nameless column is called after its place, a repeated name gets a number."""
    names: list[str] = []
    for at, cell in enumerate(header, 1):
        name = plain = cell.strip() or f"column_{at}"
        number = 2
        while name in names:
            name, number = f"{plain}_{number}", number + 1
        names.append(name)
    return names


def _rows(reader: Iterator[list[str]], width: int) -> Iterator[list[str]]:
    cells = 0
    for row in reader:
        if not row or (len(row) == 1 and width > 1 and not row[0].strip()):
            continue
        if len(row) != width:
            line = getattr(reader, "line_num", 0)
            raise RawBookError(f"Line {line} has {len(row)} cells, the header has {width}: mend or remove the line.")
        cells += width
        if cells > LIMIT_CELLS:
            raise RawBookError(f"The file has more than {LIMIT_CELLS:,} cells: measure a sample of its rows.")
        yield row
