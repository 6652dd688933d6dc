"""Reads and appends for the hot paths: the same rows as the ORM's, with the SQL text made once per model.

Compiling a queryset costs about as much as running it. Only for plain columns and for rows that are only added:
no relations, no signals, no returning of defaults. Row-level security and constraints hold as everywhere.
"""

from functools import cache
from typing import Any, TypeVar, cast

from django.db import connections, models

from hub.db.base import DatabaseWrapper

M = TypeVar("M", bound=models.Model)


def fetch(model: type[M], where: str, params: list[object], *, only: tuple[str, ...] = ()) -> list[M]:
    """Return the rows of a model for a WHERE clause of our own (never built from input), as model instances.

    With `only`, the other columns are deferred.
    """
    wrapper = cast(DatabaseWrapper, connections["default"])
    names, columns = _columns(model, only)
    with wrapper.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {model._meta.db_table} WHERE {where}", params)
        rows = cursor.fetchall()
    return [model.from_db("default", names, row) for row in rows]


def append(*rows: models.Model, or_ignore: bool = False) -> None:
    """Insert rows of any models, in this order.

    In a scope they wait for the next statement of another kind, or the scope's end, and go in one round trip: there
    an IntegrityError is raised where a constraint refuses one. With `or_ignore` such a row is left out at once.
    """
    wrapper = cast(DatabaseWrapper, connections["default"])
    for row in rows:
        statement, fields = _insert(type(row))
        values = [field.get_db_prep_save(getattr(row, field.attname), wrapper) for field in fields]
        wrapper.waiting.append((statement + " ON CONFLICT DO NOTHING" * or_ignore, values))
        row._state.adding, row._state.db = False, "default"
    if wrapper.scope is None or wrapper.savepoint_ids or or_ignore:
        wrapper.flush()


@cache
def _columns(model: type[models.Model], only: tuple[str, ...]) -> tuple[list[str], str]:
    fields = [field for field in model._meta.concrete_fields if not only or field.attname in only]
    if any(isinstance(field, models.JSONField) for field in fields):
        raise TypeError(f"{model.__name__} has JSON columns: read it through the ORM")
    table = model._meta.db_table
    return [field.attname for field in fields], ", ".join(f'{table}."{field.column}"' for field in fields)


@cache
def _insert(model: type[models.Model]) -> tuple[str, list[Any]]:
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({places})", fields
