"""One statement in one round trip, prepared at its first use on a connection: past the driver's cursors.

A cursor is made, parses the text for its places and looks up what is prepared, all in Python, at each call; for the
handful of statements of a hot path that costs more than the server does.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format

# Statements are texts of the program, so there are few; the limit is against a mistake.
PREPARED_MAX = 300
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[tuple[bytes, tuple[int, ...]], bytes]] = WeakKeyDictionary()


def ask(
    connection: psycopg.Connection[Any], statement: bytes, values: Sequence[Any], *, prepare: bool
) -> list[tuple[Any, ...]]:
    """Run a statement with the places $1, $2 and so on; return its rows. Raises `psycopg.Error`."""
    wire = connection.pgconn
    transformer = Transformer(connection)
    formats = [PyFormat.AUTO] * len(values)
    given = transformer.dump_sequence(values, formats)
    types, ways = transformer.types or (), transformer.formats
    if not prepare or (name := _name(connection, statement, types)) is None:
        wire.send_query_params(statement, given, types, ways, Format.TEXT)
    else:
        wire.send_query_prepared(name, given, ways, Format.TEXT)
    result = _result(connection)
    if result.status != ExecStatus.TUPLES_OK:
        return []
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def _name(connection: psycopg.Connection[Any], statement: bytes, types: tuple[int, ...]) -> bytes | None:
    names = _prepared.setdefault(connection, {})
    if (name := names.get((statement, types))) is None and len(names) < PREPARED_MAX:
        name = f"luopan_{len(names)}".encode()
        connection.pgconn.send_prepare(name, statement, types)
        _result(connection)
        names[statement, types] = name
    return name


def _result(connection: psycopg.Connection[Any]) -> Any:
    *_, result = connection.wait(generators.execute(connection.pgconn))
    if result.status == ExecStatus.FATAL_ERROR:
        raise psycopg.errors.error_from_result(result, encoding="utf-8")
    return result
