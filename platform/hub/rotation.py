"""Rotation: what another master key has sealed, or another index key has made, goes over to the first one of the ring.

Done in small batches while the platform serves. Each batch commits by itself, with its event; what was done stays done,
so a run that was broken off is started again, and one too many finds nothing to do.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from hub import outbox
from hub.audit import Actor
from hub.events import KeyRotated
from hub.ids import uuid7
from hub.key_columns import Column

BATCH = 200
PASSES = 5  # over one column: rows that others held are met again
NAMED = 20  # of the rows that do not open

MASTER, INDEX = "master", "index"
Scope = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one column: values renewed, those that are still another key's, ids of rows that do not open.

    `gone_at`: when those that nothing renews will be gone by themselves.
    """

    column: str
    renewed: int
    left: int
    broken: tuple[UUID | int, ...]
    gone_at: datetime | None


def key_name(kind: str) -> str:
    """Return the name of the first key of a ring, in hexadecimal; no secret, and "" for an index key of one link."""
    return (settings.SECRETS.master.name if kind == MASTER else settings.SECRETS.index.first.name).hex()


def columns(kind: str) -> list[Column]:
    """Return every column of a key's values."""
    sources = settings.SEALED_COLUMNS if kind == MASTER else settings.INDEXED_COLUMNS
    return [column for source in sources for column in import_string(source)]


def look(*, kind: str, scope: Scope) -> Iterator[Result]:
    """Count what is left of other keys, column by column; changes nothing."""
    for column in columns(kind):
        with scope():
            yield Result(str(column), 0, column.count(), (), column.gone_at())


def rotate(
    *, kind: str, scope: Scope, clock: Callable[[], datetime], actor: Actor, say: Callable[[str], None]
) -> Iterator[Result]:
    """Renew every value of other keys, in transactions of their own; yield what came of each column."""
    run_id = uuid7()
    for column in columns(kind):
        renewed, broken = 0, set[UUID | int]()
        for _ in range(PASSES):
            for rows, bad in _renew(column, kind, run_id, scope, clock, actor):
                renewed, broken = renewed + rows, broken | set(bad)
                say(f"{column}: {renewed} done")
            with scope():
                left, gone_at = column.count(), column.gone_at()
            if left <= len(broken) or gone_at:
                break
        yield Result(str(column), renewed, left, tuple(sorted(broken, key=str))[:NAMED], gone_at)


def _renew(
    column: Column, kind: str, run_id: UUID, scope: Scope, clock: Callable[[], datetime], actor: Actor
) -> Iterator[tuple[int, list[UUID | int]]]:
    last = None
    while True:
        with scope():
            batch = column.renew(after=last, most=BATCH)
            if batch.renewed:
                payload = KeyRotated(
                    run_id, None, kind=kind, key=key_name(kind), column=str(column), rows=len(batch.renewed),
                    digest=batch.digest,
                )  # fmt: skip
                outbox.publish(payload, actor=actor, now=clock())
        last = batch.last
        if last is None:
            return
        yield len(batch.renewed), batch.broken
