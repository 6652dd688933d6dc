"""Reads and appends for the hot paths: the same rows as the ORM's, with the SQL text made once per model.

Compiling a queryset costs about as much as running it. Only for plain columns and for rows that are only added:
no relations, no signals, no returning of defaults. Row-level security and constraints hold as everywhere.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from django.db import connections, models

from hub.db.base import DatabaseWrapper
from hub.db.inserts import values_of


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
        names, _ = _columns(part.model, part.only)
        end = start + len(names)
        # The first column is the primary key: each row of a part comes once for each combination of the others.
        distinct = {row[start]: row[start:end] for row in rows if row[start] is not None}
        found.append([part.model.from_db("default", names, values) for values in distinct.values()])
        start = end
    return found


def run(statement: str, params: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Return the rows of a statement with %s for its places, past the ORM's cursors."""
    wrapper = cast(DatabaseWrapper, connections["default"])
    wrapper.flush()
    return wrapper.ask(_numbered(statement), params)


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
        names, columns = _columns(model, only)
        shown += [f"part_{at}.{field.column}" for field in model._meta.concrete_fields if field.attname in names]
        sources.append(f"(SELECT {columns} FROM {model._meta.db_table} WHERE {where}) part_{at} ON true")
    # Names of our own, no input.
    return f"SELECT {', '.join(shown)} FROM (SELECT 1) one LEFT JOIN " + " LEFT JOIN ".join(sources)  # nosec


@dataclass(frozen=True, slots=True)
class New:
    """A row to be added that nobody looks at afterwards: a value for each column, without the making of a model."""

    model: type[models.Model]
    values: dict[str, Any]


def append(*rows: models.Model | New) -> None:
    """Insert rows of any models.

    In a scope they wait for the next statement of another kind, or the scope's end, and go as one statement: there an
    IntegrityError is raised where a constraint refuses one. So they must not depend on each other but by foreign keys.
    """
    wrapper = cast(DatabaseWrapper, connections["default"])
    for row in rows:
        if isinstance(row, New):
            wrapper.waiting.append((row.model, values_of(row.model, row.values, wrapper)))
            continue
        wrapper.waiting.append((type(row), values_of(type(row), row.__dict__, wrapper)))
        row._state.adding, row._state.db = False, "default"
    if wrapper.scope is None or wrapper.savepoint_ids:
        wrapper.flush()


@cache
def _columns(model: type[models.Model], only: tuple[str, ...]) -> tuple[list[str], str]:
    fields = [field for field in model._meta.concrete_fields if not only or field.attname in only]
    if any(isinstance(field, models.JSONField) for field in fields):
        raise TypeError(f"{model.__name__} has JSON columns: read it through the ORM")
    table = model._meta.db_table
    return [field.attname for field in fields], ", ".join(f'{table}."{field.column}"' for field in fields)
