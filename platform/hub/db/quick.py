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
    """Insert rows of any models, in this order and in one round trip.

    IntegrityError where a constraint refuses; with `or_ignore` a row that is there already stays as it is.
    """
    wrapper = cast(DatabaseWrapper, connections["default"])
    wrapper.ensure_connection()
    with wrapper.wrap_database_errors, wrapper.connection.pipeline():
        for row in rows:
            statement, fields = _insert(type(row))
            values = [field.get_db_prep_save(getattr(row, field.attname), wrapper) for field in fields]
            wrapper.connection.execute(statement + " ON CONFLICT DO NOTHING" * or_ignore, values)
    for row in rows:
        row._state.adding, row._state.db = False, "default"


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
