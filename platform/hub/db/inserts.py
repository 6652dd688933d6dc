"""The SQL and the values of inserts, made once per model: what `hub.db.quick.append` sends."""

from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

# What the driver takes as it is; all other fields translate their values themselves.
_PLAIN = (models.UUIDField, models.CharField, models.BinaryField, models.DateTimeField, models.IntegerField)


@cache
def insert_statement(kinds: tuple[type[models.Model], ...]) -> bytes:
    """Return one statement that inserts a row of each of these models; its places are $1, $2 and so on."""
    places = count(1)
    *first, last = (_insert(kind, places) for kind in kinds)
    parts = ", ".join(f"new_{at} AS ({insert})" for at, insert in enumerate(first))
    return (f"WITH {parts} {last}" if parts else last).encode()


def _insert(model: type[models.Model], places: Iterator[int]) -> str:
    fields = _written(model)
    columns = ", ".join(f'"{field.column}"' for field, _ in fields)
    values = ", ".join(f"${next(places)}" for _ in fields)
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({values})"


def values_of(row: models.Model, wrapper: BaseDatabaseWrapper) -> list[Any]:
    """Return the values of a row, in the order of its places."""
    return [
        getattr(row, field.attname) if plain else field.get_db_prep_save(getattr(row, field.attname), wrapper)
        for field, plain in _written(type(row))
    ]


@cache
def _written(model: type[models.Model]) -> list[tuple[Any, bool]]:
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
    return [(field, isinstance(field, _PLAIN)) for field in fields]
