"""One statement in one round trip, prepared at its first use on a connection: past the driver's cursors.

A cursor is made, parses the text for its places and looks up what is prepared, all in Python, at each call; for the
handful of statements of a hot path that costs more than the server does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
from psycopg import abc, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult

# Statements are texts of the program, so there are few; the limit is against a mistake.
PREPARED_MAX = 300
_prepared: WeakKeyDictionary[psycopg.Connection[Any], dict[tuple[bytes, tuple[int, ...]], bytes]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of the program's own, with the places $1, $2 and so on; not `prepared` where it differs each time."""

    text: bytes
    values: Sequence[Any] = ()
    prepared: bool = True


Rows = list[tuple[Any, ...]]


def ask(connection: psycopg.Connection[Any], *statements: Statement, prepare: bool) -> list[Rows]:
    """Run statements, all in one round trip, and return the rows of each. Raises `psycopg.Error`.

    The first error stops those behind it.
    """
    transformer = Transformer(connection)
    commands = [_command(connection, one, transformer, prepare) for one in statements]
    results = _alone(connection, *commands) if len(commands) == 1 else _together(connection, commands)
    for result in results:
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result, encoding="utf-8")
    return [_rows(result, transformer) for result in results]


def _command(
    connection: psycopg.Connection[Any], one: Statement, transformer: abc.Transformer, prepare: bool
) -> Callable[[], None]:
    # The driver asks Python twice and more for each UUID, and nobody for a text.
    values = [f"{value.int:032x}" if type(value) is UUID else value for value in one.values]
    given = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values)) if values else []
    types, ways = (transformer.types or (), transformer.formats) if one.values else ((), [])
    name = _name(connection, one.text, types) if prepare and one.prepared else None
    if name is None:
        return partial(connection.pgconn.send_query_params, one.text, given, types, ways)
    return partial(connection.pgconn.send_query_prepared, name, given, ways)


def _name(connection: psycopg.Connection[Any], text: bytes, types: tuple[int, ...]) -> bytes | None:
    names = _prepared.setdefault(connection, {})
    if (name := names.get((text, types))) is None and len(names) < PREPARED_MAX:
        name = f"luopan_{len(names)}".encode()
        [result] = _alone(connection, partial(connection.pgconn.send_prepare, name, text, types))
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result, encoding="utf-8")
        names[text, types] = name
    return name


def _alone(connection: psycopg.Connection[Any], command: Callable[[], None]) -> list[PGresult]:
    command()
    *_, result = connection.wait(generators.execute(connection.pgconn))
    return [result]


def _together(connection: psycopg.Connection[Any], commands: Sequence[Callable[[], None]]) -> list[PGresult]:
    wire = connection.pgconn
    wire.enter_pipeline_mode()
    try:
        for command in commands:
            command()
        wire.pipeline_sync()
        if wire.flush():
            connection.wait(generators.send(wire))
        *results, _ = [_next(connection) for _ in range(len(commands) + 1)]
    finally:
        if wire.status == ConnStatus.OK:
            wire.exit_pipeline_mode()
    return results


def _next(connection: psycopg.Connection[Any]) -> PGresult:
    # Results are parted by a None.
    for _ in range(2):
        wire = connection.pgconn
        result = connection.wait(generators.fetch(wire)) if wire.is_busy() else wire.get_result()
        if result is not None:
            return result
    raise psycopg.OperationalError("the connection was lost")


def _rows(result: PGresult, transformer: abc.Transformer) -> Rows:
    if result.status != ExecStatus.TUPLES_OK:
        return []
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)
