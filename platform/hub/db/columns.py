"""Many rows in one statement, column by column: arrays in PostgreSQL's binary form, taken apart by `unnest`.

COPY would do, but PostgreSQL refuses it into a table with row-level security; an INSERT is judged row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from struct import Struct
from typing import Any, cast

import numpy as np
from django.db import connections, models
from numpy.typing import NDArray
from psycopg.adapt import Dumper
from psycopg.pq import Format

from hub.db.base import DatabaseWrapper
from hub.db.quick import run

MICRO = 1_000_000
_HEAD = Struct("!5i")  # dimensions, whether any is null, type of the elements, how many, the first one's number
_LENGTH = Struct("!i").pack
_NULL = _LENGTH(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_UUID, _BYTES, _TEXT, _INTEGER, _LARGE, _MOMENT, _DECIMAL = 2950, 17, 25, 23, 20, 1184, 1700
_DECIMAL_LAYOUT = [("n", ">i4"), *((name, ">i2") for name in ("digits", "weight", "sign", "scale", "a", "b", "c"))]


@dataclass(frozen=True, slots=True)
class Cells:
    """The values of one column, one for each row, as the server reads them."""

    type: str
    data: bytes


def uuids(texts: Sequence[str]) -> Cells:
    """A column of UUIDs, given as texts."""
    raw = np.frombuffer(bytes.fromhex("".join(texts).replace("-", "")), dtype="V16")
    return _fixed("uuid", _UUID, raw)


def numbers(values: Sequence[int] | NDArray[np.int64]) -> Cells:
    """A column of whole numbers of 64 bits."""
    return _fixed("bigint", _LARGE, np.asarray(values, dtype=">i8"))


def decimals(micro: NDArray[np.int64]) -> Cells:
    """A column of decimals with six places, given in millionths, none below 0 or from 10,000 on."""
    made = np.zeros(len(micro), dtype=_DECIMAL_LAYOUT)
    made["n"], made["digits"], made["scale"] = 14, 3, 6  # three digits to the base 10,000, the first of them whole
    made["a"], made["b"], made["c"] = micro // MICRO, micro // 100 % 10_000, micro % 100 * 100
    return Cells("numeric", _head(_DECIMAL, len(micro)) + made.tobytes())


def moments(values: Sequence[datetime | None]) -> Cells:
    """A column of moments."""
    known: dict[datetime | None, bytes | None] = {None: None}
    for value in set(values) - {None}:
        passed = cast(datetime, value) - _EPOCH
        known[value] = ((passed.days * 86_400 + passed.seconds) * MICRO + passed.microseconds).to_bytes(8, signed=True)
    return _varying("timestamptz", _MOMENT, [known[value] for value in values])


def texts(values: Sequence[str]) -> Cells:
    """A column of texts."""
    return _varying("text", _TEXT, [value.encode() for value in values])


def blobs(values: Sequence[bytes]) -> Cells:
    """A column of bytes."""
    return _varying("bytea", _BYTES, values)


def select(statement: str, params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement with %s for its places, which columns may be among."""
    _ready()
    return run(statement, params)


def _ready() -> DatabaseWrapper:
    wrapper = cast(DatabaseWrapper, connections["default"])
    wrapper.flush()
    wrapper.ensure_connection()
    wrapper.connection.adapters.register_dumper(Cells, _CellsDumper)
    return wrapper


def insert_columns(model: type[models.Model], columns: Mapping[str, Cells], **same: Any) -> None:
    """Insert a row for each place of the columns, with these values the `same` in all; names are those of attributes.

    Columns that are not named get the database's default. The rows are there at once; a constraint that refuses one
    raises IntegrityError, here or (foreign keys) as the transaction ends.
    """
    wrapper = _ready()
    kinds = tuple((name, cells.type) for name, cells in columns.items())
    fields = {field.attname: field for field in model._meta.concrete_fields}
    values = [fields[name].get_db_prep_save(value, wrapper) for name, value in same.items()]
    wrapper.ask(_statement(model, kinds, tuple(same)), [*columns.values(), *values])


class _CellsDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Cells) -> bytes:
        """Return it as it is."""
        return obj.data


@cache
def _statement(model: type[models.Model], kinds: tuple[tuple[str, str], ...], same: tuple[str, ...]) -> bytes:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    types = [fields[name].db_type(connections["default"]) for name in same]
    names = ", ".join(f'"{fields[name].column}"' for name in (*(name for name, _ in kinds), *same))
    arrays = ", ".join(f"${at}::{kind}[]" for at, (_, kind) in enumerate(kinds, start=1))
    shown = [f"c{at}" for at in range(len(kinds))]
    ones = [f"${at}::{kind}" for at, kind in enumerate(types, start=len(kinds) + 1)]
    return (
        f"INSERT INTO {model._meta.db_table} ({names}) SELECT {', '.join([*shown, *ones])} "
        f"FROM unnest({arrays}) cells ({', '.join(shown)})"
    ).encode()


def _head(element: int, count: int, *, nulls: bool = False) -> bytes:
    return _HEAD.pack(1 if count else 0, nulls, element, count, 1)[: None if count else 12]


def _fixed(kind: str, element: int, values: NDArray[Any]) -> Cells:
    made = np.empty(len(values), dtype=[("n", ">i4"), ("value", values.dtype)])
    made["n"], made["value"] = values.dtype.itemsize, values
    return Cells(kind, _head(element, len(values)) + made.tobytes())


def _varying(kind: str, element: int, values: Sequence[bytes | None]) -> Cells:
    parts = [_head(element, len(values), nulls=None in values)]
    for value in values:
        parts += (_NULL,) if value is None else (_LENGTH(len(value)), value)
    return Cells(kind, b"".join(parts))
