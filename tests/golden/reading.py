"""Golden cases from JSON files: every key of a case is understood and checked, or the case fails."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from hub.finance.rounding import as_decimal, rounded

FOLDER = Path(os.environ.get("LOAN_MATHS_CASES", Path(__file__).parents[2] / "../shared/data/loan_maths"))
_NEEDED = object()
_CASE_KEYS = {"id", "source", "source_kind", "method", "input", "expected", "tolerance", "computed", "note"}


class Fields:
    """The keys of one object of a case; each must be taken before `close`."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.left, self.where = dict(values), where

    def take(self, name: str, default: Any = _NEEDED) -> Any:
        if name not in self.left and default is _NEEDED:
            raise AssertionError(f"{self.where} lacks {name!r}")
        return self.left.pop(name, default)

    def ignore(self, *names: str) -> None:
        """Pass over keys that only describe."""
        for name in names:
            self.left.pop(name, None)

    def close(self) -> None:
        assert not self.left, f"{self.where} has keys that the reader does not understand: {sorted(self.left)}"


@dataclass(frozen=True)
class Case:
    """One golden case. Numbers are decimals or whole, never floats."""

    group: str
    id: str
    method: str
    input: Fields
    expected: Mapping[str, Any]
    tolerance: Mapping[str, Decimal]
    computed: Mapping[str, Decimal]

    def check(self, got: Mapping[str, Any]) -> None:
        """Compare all that is expected (and computed) with what we got."""
        self.input.close()
        missing = set(self.expected) - set(got)
        assert not missing, f"expected keys that the reader does not understand: {sorted(missing)}"
        for name, wanted in self.expected.items():
            assert agrees(got[name], wanted, self._room(name)), f"{name}: {got[name]} instead of {wanted}"
        for name, wanted in self.computed.items():
            value = next(value for key, value in got.items() if key.startswith(name))
            assert abs(value - wanted) <= max(_last_place(wanted), Decimal("1e-9")), f"{name}: {value}"

    def _room(self, name: str) -> Decimal:
        return max((Decimal(room) for key, room in self.tolerance.items() if key in name), default=Decimal(0))


def agrees(got: Any, wanted: Any, room: Decimal = Decimal(0)) -> bool:
    """Whether a value is the wanted one: a number when rounded half up to its places, or within `room` of it."""
    if isinstance(wanted, list):
        return len(got) == len(wanted) and all(agrees(one, other) for one, other in zip(got, wanted, strict=True))
    if isinstance(wanted, dict):
        return set(wanted) <= set(got) and all(agrees(got[name], value) for name, value in wanted.items())
    if isinstance(got, Fraction):
        got = as_decimal(got)
    if not isinstance(got, Decimal):
        return type(got) is type(wanted) and bool(got == wanted)
    number = Decimal(wanted)
    places = -int(number.as_tuple().exponent)
    return rounded(got, max(places, 0)) == number or abs(got - number) <= room


def _last_place(number: Decimal) -> Decimal:
    return Decimal(1).scaleb(int(number.as_tuple().exponent))


def cases(folder: Path = FOLDER) -> Iterable[Case]:
    """Read every case of every file."""
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(), parse_float=Decimal)
        rows = document["cases"]
        assert document["count"] == len(rows), f"{path.name} holds {len(rows)} cases, not {document['count']}"
        yield from (read(document["group"], row) for row in rows)


def read(group: str, row: Mapping[str, Any]) -> Case:
    """Make a case of its JSON."""
    unknown = set(row) - _CASE_KEYS
    assert not unknown, f"{row['id']} has keys that the reader does not understand: {sorted(unknown)}"
    return Case(
        group, row["id"], row.get("method", ""), Fields(row["input"], row["id"]), row["expected"],
        row.get("tolerance") or {}, {k: Decimal(v) for k, v in (row.get("computed") or {}).items()},
    )  # fmt: skip


def day(text: str) -> date:
    """Read an ISO date."""
    return date.fromisoformat(text)


def number(value: Any) -> Fraction:
    """Read 1.5, "1.5" or "546/365" exactly."""
    above, _, below = str(value).partition("/")
    return Fraction(above) / Fraction(below or 1)
