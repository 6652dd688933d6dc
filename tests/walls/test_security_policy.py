"""The threat model names tests: each of them exists, and each boundary has threats with a proof."""

import ast
import re
from pathlib import Path

from tests.walls import source

TEXT = Path(source.ROOT, ".github", "SECURITY.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`")
ROW = re.compile(r"^\| ([STRIDE]) \| .+ \| .+ \| (.+) \|$", re.MULTILINE)


def names_in(path: str) -> set[str]:
    tree = ast.parse(Path(source.ROOT, path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_every_test_that_it_names_exists() -> None:
    named = NAMED.findall(TEXT)
    assert len(named) > 40
    assert TEXT.count("`tests/") == len(named)
    missing = [f"{path}::{name}" for path, name in named if not Path(source.ROOT, path).exists()]
    assert missing == []
    assert [f"{path}::{name}" for path, name in named if name and name not in names_in(path)] == []
    assert [path for path, name in named if not name and not names_in(path)] == []


def test_every_boundary_has_threats_and_each_its_proof() -> None:
    _, *boundaries = TEXT.partition("## Boundaries and threats")[2].partition("## What is accepted")[0].split("\n### ")
    assert len(boundaries) == 5
    for boundary in boundaries:
        rows = ROW.findall(boundary)
        assert len(rows) >= 3
        assert len(rows) == boundary.count("\n| ") - 1  # but for the head
        assert all(NAMED.search(proof) for _, proof in rows), boundary
    assert {kind for kind, _ in ROW.findall(TEXT)} == set("STRIDE")
