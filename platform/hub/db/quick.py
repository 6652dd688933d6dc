"""Reads and writes for the hot paths: the same rows as the ORM's, with the SQL text made once per model.

Compiling a queryset costs more than running it. No signals, no returning of defaults; row-level security and
constraints hold as everywhere.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import msgspec
from django.db import DatabaseError, models
from django.db.models.base import ModelState

from hub.db.base import wrapper
from hub.db.inserts import values_of

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one model for a WHERE clause of our own (never built from input). With `only`, others are deferred."""

    model: type[models.Model]
    where: str
    params: tuple[Any, ...]
    only: tuple[str, ...] = ()


def fetch(part: Part) -> list[Any]:
    """Return the rows of a part as instances of its model."""
    return fetch_together(part)[0]


def fetch_together(*parts: Part) -> list[list[Any]]:
    """Return the rows of each part, all by one statement: for parts of few rows, whose product stays small."""
    params = tuple(value for part in parts for value in part.params)
    rows = run(_select(tuple((part.model, part.where, part.only) for part in parts)), params)
    found: list[list[Any]] = []
    start = 0
    for part in parts:
        fields = _fields(part.model, part.only)
        end = start + len(fields)
        # The first column is the primary key: each row of a part comes once for each combination of the others.
        distinct = {row[start]: row[start:end] for row in rows if row[start] is not None}
        found.append([_instance(part.model, fields, values) for values in distinct.values()])
        start = end
    return found


def one(model: type[Row], where: str, params: tuple[Any, ...], *, also: str = "", lock: bool = False) -> Row | None:
    """Return the one row of a WHERE clause, or None; with `also` the row that this foreign key points at comes along.

    With `lock` it is locked FOR UPDATE; what `also` names is not, and is read as it was before a wait for the lock.
    """
    mine = Part(model, f"{where} FOR UPDATE" if lock else where, params)
    if not also:
        found: list[Row] = fetch(mine)
        return found[0] if found else None
    key: Any = model._meta.get_field(also)
    # Names of our own, no input.
    theirs = f"{key.target_field.column} = (SELECT {key.column} FROM {model._meta.db_table} WHERE {where})"  # nosec
    found, others = fetch_together(mine, Part(key.related_model, theirs, params))
    for row in found:
        for other in others:
            setattr(row, also, other)
        return row
    return None


def write(row: models.Model, *names: str) -> None:
    """Write these fields of a row that is there; `DatabaseError` where it is gone."""
    values = values_of(type(row), row.__dict__, wrapper(), names)
    if not run(_update(type(row), names), (*values, row.pk)):
        raise DatabaseError(f"{type(row).__name__} {row.pk} is gone")


def run(statement: str, params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement with %s for its places, past the ORM's cursors."""
    own = wrapper()
    own.flush()
    return own.ask(_numbered(statement), params)


@dataclass(frozen=True, slots=True)
class Question:
    """One expression for a SELECT list, with %s for its places (never built from input)."""

    sql: str
    params: tuple[Any, ...]


def ask(*questions: Question) -> tuple[Any, ...]:
    """Return the answer to each question, all by one statement."""
    params = tuple(value for question in questions for value in question.params)
    [answers] = run(f"SELECT {', '.join(question.sql for question in questions)}", params)
    return answers


@cache
def _numbered(statement: str) -> bytes:
    first, *others = statement.split("%s")
    return "".join([first, *(f"${at}{text}" for at, text in enumerate(others, start=1))]).encode()


@cache
def _select(parts: tuple[tuple[type[models.Model], str, tuple[str, ...]], ...]) -> str:
    shown, sources = [], []
    for at, (model, where, only) in enumerate(parts):
        fields, table = _fields(model, only), model._meta.db_table
        columns = ", ".join(f'{table}."{field.column}"' for field in fields)
        shown += [f'part_{at}."{field.column}"' for field in fields]
        sources.append(f"(SELECT {columns} FROM {table} WHERE {where}) part_{at} ON true")
    # Names of our own, no input.
    return f"SELECT {', '.join(shown)} FROM (SELECT 1) one LEFT JOIN " + " LEFT JOIN ".join(sources)  # nosec


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{_field(model, name).column}" = %s' for name in names)
    return f'UPDATE {model._meta.db_table} SET {columns} WHERE "{model._meta.pk.column}" = %s RETURNING 1'  # nosec


def _field(model: type[models.Model], name: str) -> Any:
    return next(field for field in model._meta.concrete_fields if field.attname == name)


@dataclass(frozen=True, slots=True)
class New:
    """A row to be added that nobody looks at afterwards: a value for each column, without the making of a model."""

    model: type[models.Model]
    values: dict[str, Any]


def made(model: type[Row], values: dict[str, Any], **related: models.Model) -> Row:
    """Make an instance of the values of its columns: none is checked or filled in, no signal is sent.

    A column that has none is read when it is asked for. `related` are the rows that its foreign keys point at.
    """
    row = model.__new__(model)
    state = row._state = ModelState()
    row.__dict__.update(values)
    if related:
        state.fields_cache = related
    return row


def append(*rows: models.Model | New) -> None:
    """Insert rows of any models.

    In a scope they wait for the next statement of another kind, or the scope's end, and go as one statement: there an
    IntegrityError is raised where a constraint refuses one. So they must not depend on each other but by foreign keys.
    """
    own = wrapper()
    for row in rows:
        if isinstance(row, New):
            own.waiting.append((row.model, values_of(row.model, row.values, own)))
            continue
        own.waiting.append((type(row), values_of(type(row), row.__dict__, own)))
        row._state.adding, row._state.db = False, "default"
    if own.scope is None or own.savepoint_ids:
        own.flush()


@cache
def _fields(model: type[models.Model], only: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(field for field in model._meta.concrete_fields if not only or field.attname in only)


def _instance(model: type[models.Model], fields: tuple[Any, ...], values: tuple[Any, ...]) -> Any:
    row = made(
        model,
        {
            # Django has the driver leave JSON as text.
            name: msgspec.json.decode(value) if json and value is not None else value
            for (name, json), value in zip(_readings(fields), values, strict=True)
        },
    )
    row._state.adding, row._state.db = False, "default"
    return row


@cache
def _readings(fields: tuple[Any, ...]) -> tuple[tuple[str, bool], ...]:
    return tuple((field.attname, isinstance(field, models.JSONField)) for field in fields)
