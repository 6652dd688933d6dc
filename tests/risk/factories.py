"""Small loan books for tests: a synthetic file, its mapping, and the services around them."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from hub.audit import Actor, system_actor
from hub.clock import now
from hub.tenancy import platform_scope
from risk.learning import reading, services
from risk.learning.models import LoanBook

ACTOR: Actor = system_actor("tests")
QUICK: dict[str, Any] = {"bags": 2, "growths": [{"leaves": 4, "rounds": 30}]}
MAPPING = b"""
format: luopan.mapping/1
book: Small book
purpose: consumer
jurisdiction: HK
currency: HKD
source: Made for a test.
label: {definition: 90 days late within a year, version: 2, window_months: 12}
as_of: 2024-06-30
columns:
  account: {role: reference}
  opened: {role: time}
  income: {role: feature, type: number, unit: HKD, direction: -1, known: at_scoring, min: 0}
  used: {role: feature, type: percent, direction: 1, known: at_scoring}
  housing: {role: feature, type: category, known: at_scoring}
  balance_later: {role: feature, type: number, unit: HKD, known: later}
  sex: {role: protected, type: category}
  district: {role: proxy, type: category}
  remark: {role: ignored}
  outcome: {role: label, bad: [charged_off], good: [repaid]}
"""
HEADER = "account,opened,income,used,housing,balance_later,sex,district,remark,outcome"


def lines(count: int, *, seed: int = 1, first: int = 1) -> list[str]:
    """Lines of a small book whose outcome depends on its features; accounts are numbered from `first`."""
    rng = np.random.default_rng(seed)
    income, used = rng.gamma(4, 5000, count).round(), rng.uniform(0, 100, count).round(1)
    housing = rng.choice(["own", "rent", "family"], count)
    logit = -1.2 - income / 20000 + used / 40 + (housing == "rent") * 0.7
    bad = rng.random(count) < 1 / (1 + np.exp(-logit))
    return [
        f"A{first + at:06d},2022-{at % 12 + 1:02d}-15,{income[at]:.0f},{used[at]}%,{housing[at]},{at},"
        f"{'FM'[at % 2]},D{at % 5},x,{'charged_off' if bad[at] else 'repaid'}"
        for at in range(count)
    ]


def book_bytes(rows: Sequence[str], *, header: str = HEADER, packed: bool = False) -> bytes:
    """A book's file."""
    text = "".join(f"{line}\n" for line in [header, *rows]).encode()
    return gzip.compress(text, mtime=0) if packed else text


def register(
    content: bytes, *, mapping: bytes = MAPPING, line: str = "small", institution_id: UUID | None = None, **more: Any
) -> services.Registered:
    """Hand a book in."""
    with platform_scope():
        return services.register_book(
            chunks=[content], mapping_text=mapping, line_name=line, institution_id=institution_id, actor=ACTOR,
            now=now(), **more,
        )  # fmt: skip


def read(book_id: UUID) -> LoanBook:
    """Read a book to its end."""
    return reading.read_book(book_id=book_id, scope=platform_scope, clock=now, actor=ACTOR)


def imported(content: bytes, **more: Any) -> LoanBook:
    """Hand a book in and read it."""
    return read(register(content, **more).book.id)


def write_book(folder: Path, content: bytes, mapping: bytes = MAPPING) -> tuple[str, str]:
    """Put a book and its mapping into files; return their paths."""
    (folder / "book.csv").write_bytes(content)
    (folder / "mapping.yaml").write_bytes(mapping)
    return str(folder / "book.csv"), str(folder / "mapping.yaml")
