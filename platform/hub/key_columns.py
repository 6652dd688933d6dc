"""Columns whose values the master key has sealed or the index key has made, so that a new key can take them over.

Each app declares its own beside the model; `settings` names the lists, and a test holds that none is missing.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection

from hub.keyrings import SealBroken


class Batch(NamedTuple):
    """Rows that were gone over: the last one's id (None: there are no more), those renewed, those that do not open."""

    last: UUID | int | None
    renewed: list[UUID | int]
    broken: list[UUID | int]

    @property
    def digest(self) -> str:
        """SHA-256 over the ids of the renewed rows, in hexadecimal."""
        return hashlib.sha256(",".join(map(str, self.renewed)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Column(ABC):
    """One column of values of a key. `value` and `put` are SQL of our own where the value lies inside the column."""

    table: str
    column: str
    value: str = ""
    put: str = ""

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"

    def count(self) -> int:
        """Return how many values are not the first key's. Platform scope."""
        stale, params = self.stale()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {self.table} WHERE {stale}", params)  # nosec - names of our own
            return int(cursor.fetchone()[0])

    def renew(self, *, after: UUID | int | None, most: int) -> Batch:
        """Make the next values anew under the first key. Platform scope; rows that others hold are left for later."""
        rows = self._take(after, most)
        made: list[tuple[bytes, UUID | int]] = []
        broken: list[UUID | int] = []
        for row_id, key, value in rows:
            try:
                made.append((self.renewed(key, bytes(value)), row_id))
            except (SealBroken, ValueError):
                broken.append(row_id)
        with connection.cursor() as cursor:
            put = self.put or f"{self.column} = %s"
            cursor.executemany(f"UPDATE {self.table} SET {put} WHERE id = %s", made)  # nosec - names of our own
        return Batch(rows[-1][0] if rows else None, [row_id for _, row_id in made], broken)

    def _take(self, after: UUID | int | None, most: int) -> list[tuple[UUID | int, Any, Any]]:
        stale, params = self.stale()
        further = "" if after is None else "id > %s AND "
        # Not FOR UPDATE: who inserts a row that points at one of these need not wait.
        statement = f"""
        SELECT id, {self.by}, {self.value or self.column} FROM {self.table} WHERE {further}{stale}
        ORDER BY id LIMIT {most} FOR NO KEY UPDATE SKIP LOCKED"""  # nosec - names of our own
        with connection.cursor() as cursor:
            cursor.execute(statement, [*([] if after is None else [after]), *params])
            return list(cursor.fetchall())

    @property
    def by(self) -> str:
        """The column that `renewed` is given beside the value."""
        return "id"

    @abstractmethod
    def stale(self) -> tuple[str, Sequence[Any]]:
        """Return the condition that a value is not the first key's."""

    @abstractmethod
    def renewed(self, key: Any, value: bytes) -> bytes:
        """Return a value under the first key. `SealBroken` or ValueError where no known key has made it."""

    def gone_at(self) -> datetime | None:
        """Return when the last of the values that nothing renews is deleted, None where all are renewed."""
        return None


@dataclass(frozen=True, slots=True)
class Sealed(Column):
    """Sealed by the master key for a `place`, which is told by the row's id, or by the column `told_by`."""

    place: Callable[[Any], str] = str
    told_by: str = "id"

    @property
    def by(self) -> str:
        """The column that tells the place."""
        return self.told_by

    def stale(self) -> tuple[str, Sequence[Any]]:
        """Return the condition that another key has sealed it, or one that is not named."""
        beginning = settings.SECRETS.master.beginning
        return f"substring({self.value or self.column} FROM 1 FOR {len(beginning)}) <> %s", [beginning]

    def renewed(self, key: Any, value: bytes) -> bytes:
        """Open and seal."""
        place = self.place(bytes(key) if isinstance(key, memoryview) else key)
        return settings.SECRETS.master.seal(settings.SECRETS.master.open(value, place=place), place=place)


@dataclass(frozen=True, slots=True)
class Indexed(Column):
    """A blind index; an empty one stands for no value."""

    def stale(self) -> tuple[str, Sequence[Any]]:
        """Return the condition that another chain has made it."""
        name = settings.SECRETS.index.first.name
        whole = (
            f"octet_length({self.column}) = {32 + len(name)} AND substring({self.column} FROM 1 FOR {len(name)}) = %s"
        )
        return f"octet_length({self.column}) > 0 AND NOT ({whole})", [name]

    def renewed(self, key: Any, value: bytes) -> bytes:  # noqa: ARG002 - the base's signature
        """Lift it."""
        return settings.SECRETS.index.first.lift(value)


@dataclass(frozen=True, slots=True)
class Aged(Indexed):
    """A blind index that stays as it is, in rows that are deleted when they are `kept` long enough."""

    kept: timedelta = timedelta()

    def renew(self, *, after: UUID | int | None, most: int) -> Batch:  # noqa: ARG002 - the base's signature
        """Leave them."""
        return Batch(None, [], [])

    def gone_at(self) -> datetime | None:
        """Return when the last of them will be gone. Platform scope."""
        stale, params = self.stale()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT max(created_at) FROM {self.table} WHERE {stale}", params)  # nosec - our own names
            (newest,) = cursor.fetchone()
        return newest + self.kept if newest else None
