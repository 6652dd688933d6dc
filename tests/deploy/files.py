"""What lies in deploy/, read for the tests."""

import json
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
_VARIABLE = re.compile(r"`([A-Z][A-Z0-9_]*)`")


@cache
def documents(path: Path) -> list[Any]:
    """Every YAML document of a file."""
    return [found for found in yaml.load_all(path.read_text(), yaml.CSafeLoader) if found is not None]


@cache
def document(path: Path) -> Any:
    """The one document of a YAML file, or of a JSON file."""
    if path.suffix == ".json":
        return json.loads(path.read_text())
    [found] = documents(path)
    return found


@cache
def readme_variables() -> frozenset[str]:
    """The environment variables of the README's table."""
    rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `")]
    return frozenset(name for row in rows for name in _VARIABLE.findall(row.split("|")[1]))


def commands_in(text: str) -> Iterator[str]:
    """The names of what a text calls as `manage.py NAME`."""
    yield from re.findall(r"manage\.py[ \"',\]\[]+([a-z_]+)", text)


def is_command(name: str) -> bool:
    """Whether manage.py knows it, from an app of ours or from Django."""
    return name in get_commands()


def tool(name: str) -> str:
    """The path of a program; without it the test is skipped, and says so."""
    found = shutil.which(name, path=f"{Path(ROOT / '.venv/bin')}:/usr/sbin:/usr/local/bin:/usr/bin:/bin")
    found = found or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found
