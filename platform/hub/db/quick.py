"""Reads and appends for the hot paths: the same rows as the ORM's, with the SQL text made once per model.

Compiling a queryset costs about as much as running it. Only for plain columns and for rows that are only added:
no relations, no signals, no returning of defaults. Row-level security and constraints hold as everywhere.
"""

from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any, TypeVar, cast

from django.db import connections, models

from hub.db.base import DatabaseWrapper

M = TypeVar("M", bound=models.Model)
# What the driver takes as it is; all other fields translate their values themselves.
_PLAIN = (models.UUIDField, models.CharField, models.BinaryField, models.DateTimeField, models.IntegerField)


def fetch(model: type[M], where: str, params: list[Any], *, only: tuple[str, ...] = ()) -> list[M]:
    """Return the rows of a model for a WHERE clause of our own (never built from input), as model instances.

    With `only`, the other columns are deferred.
    """
    wrapper = cast(DatabaseWrapper, connections["default"])
    names, columns = _columns(model, only)
    with wrapper.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {model._meta.db_table} WHERE {where}", params)  # nosec - names of ours
        rows = cursor.fetchall()
    return [model.from_db("default", names, row) for row in rows]


def append(*rows: models.Model) -> None:
    """Insert rows of any models.

    In a scope they wait for the next statement of another kind, or the scope's end, and go as one statement: there an
    IntegrityError is raised where a constraint refuses one. So they must not depend on each other but by foreign keys.
    """
    wrapper = cast(DatabaseWrapper, connections["default"])
    for row in rows:
        wrapper.waiting.append((type(row), _values(row, wrapper)))
        row._state.adding, row._state.db = False, "default"
    if wrapper.scope is None or wrapper.savepoint_ids:
        wrapper.flush()


@cache
def insert_statement(kinds: tuple[type[models.Model], ...]) -> str:
    """Return one statement that inserts a row of each of these models; its places are $1, $2 and so on."""
    places = count(1)
    *first, last = (_insert(kind, places) for kind in kinds)
    parts = ", ".join(f"new_{at} AS ({insert})" for at, insert in enumerate(first))
    return f"WITH {parts} {last}" if parts else last


def _insert(model: type[models.Model], places: Iterator[int]) -> str:
    fields = _written(model)
    columns = ", ".join(f'"{field.column}"' for field, _ in fields)
    values = ", ".join(f"${next(places)}" for _ in fields)
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({values})"


def _values(row: models.Model, wrapper: DatabaseWrapper) -> list[Any]:
    return [
        getattr(row, field.attname) if plain else field.get_db_prep_save(getattr(row, field.attname), wrapper)
        for field, plain in _written(type(row))
    ]


@cache
def _written(model: type[models.Model]) -> list[tuple[Any, bool]]:
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    return [(field, isinstance(field, _PLAIN)) for field in fields]


@cache
def _columns(model: type[models.Model], only: tuple[str, ...]) -> tuple[list[str], str]:
    fields = [field for field in model._meta.concrete_fields if not only or field.attname in only]
    if any(isinstance(field, models.JSONField) for field in fields):
        raise TypeError(f"{model.__name__} has JSON columns: read it through the ORM")
    table = model._meta.db_table
    return [field.attname for field in fields], ", ".join(f'{table}."{field.column}"' for field in fields)
