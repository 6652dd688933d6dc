"""A stack for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import Stack


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path) -> Iterator[Stack]:
    """Give a stack on this worker's database and end all its processes."""
    made = Stack(tmp_path)
    yield made
    made.close()
