"""The SQL and the values of inserts, made once per model: what `hub.db.quick.append` sends."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import count
from typing import Any, cast

import msgspec
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.types.json import Jsonb

# What the driver takes as it is; all other fields translate their values themselves.
_PLAIN = (
    models.UUIDField, models.CharField, models.BinaryField, models.DateTimeField, models.IntegerField,
    models.DecimalField,
)  # fmt: skip


@cache
def insert_statement(kinds: tuple[type[models.Model], ...]) -> bytes:
    """Return one statement that inserts a row of each of these models; its places are $1, $2 and so on."""
    places = count(1)
    *first, last = (_insert(kind, places) for kind in kinds)
    parts = ", ".join(f"new_{at} AS ({insert})" for at, insert in enumerate(first))
    return (f"WITH {parts} {last}" if parts else last).encode()


def _insert(model: type[models.Model], places: Iterator[int]) -> str:
    fields = _fields(model)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    values = ", ".join(f"${next(places)}" for _ in fields)
    return f"INSERT INTO {model._meta.db_table} ({columns}) VALUES ({values})"


def values_of(
    model: type[models.Model], row: Mapping[str, Any], wrapper: BaseDatabaseWrapper, names: tuple[str, ...] = ()
) -> list[Any]:
    """Return the values of a row (of these fields), in the order of its places; `KeyError` where one is missing."""
    return [prepare(row[name], wrapper) if prepare else row[name] for name, prepare in _written(model, names)]


@cache
def _written(
    model: type[models.Model], names: tuple[str, ...]
) -> list[tuple[str, Callable[[Any, BaseDatabaseWrapper], Any] | None]]:
    ways = {field.attname: _preparation(field) for field in _fields(model)}
    return [(name, ways[name]) for name in names or ways]


@cache
def _fields(model: type[models.Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]


def _preparation(field: Any) -> Callable[[Any, BaseDatabaseWrapper], Any] | None:
    if isinstance(field, models.JSONField) and field.encoder is None:
        return lambda value, _wrapper: value if value is None else Jsonb(value, dumps=msgspec.json.encode)
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    return None if isinstance(target, _PLAIN) else cast("Callable[..., Any]", field.get_db_prep_save)
