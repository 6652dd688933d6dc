"""Loaded before Django reads its settings: this run has a home of its own, shared by its parallel workers."""

import os
import shutil
import tempfile
from pathlib import Path

if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["LUOPAN_TEST_HOME"] = tempfile.mkdtemp(prefix="luopan-test-")
HOME = Path(os.environ["LUOPAN_TEST_HOME"])
os.environ["LUOPAN_HOME"] = str(HOME)
for name in ("LUOPAN_PRODUCTION", "LUOPAN_PORT", "LUOPAN_URL", "CELERY_BROKER_URL"):
    os.environ.pop(name, None)
os.environ.setdefault("OMP_NUM_THREADS", "1")
SOAK = os.environ.get("LUOPAN_SOAK") == "1"
if SOAK:
    from hypothesis import settings

    settings.register_profile("soak", max_examples=5_000, deadline=None)
    settings.load_profile("soak")


def count(usual: int, *, soak: int) -> int:
    """Return how often a test repeats itself: as usual, or under `make soak`."""
    return soak if SOAK else usual


def pytest_unconfigure() -> None:
    """Remove the home when the last process of the run ends."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    from hub import postgres

    if (HOME / "postgres" / "postmaster.pid").exists():
        postgres.stop(HOME)
    shutil.rmtree(HOME, ignore_errors=True)
