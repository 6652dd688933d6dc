"""Loans of these tests begin on one day: how late a month's end is depends on the day of the month."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine


@pytest.fixture(autouse=True)
def _tenth_of_march() -> Iterator[None]:
    with time_machine.travel(datetime(2026, 3, 10, 12, tzinfo=UTC)):
        yield
