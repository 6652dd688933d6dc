"""Each fault of the catalogue is injected by a test, or left out with a reason."""

import re

from tests.faults.catalogue import FAULTS, LEFT_OUT
from tests.stack import ROOT


def test_each_fault_has_a_test_or_a_reason() -> None:
    sources = [path.read_text() for path in sorted((ROOT / "tests").rglob("test_*.py"))]
    marks = re.findall(r"mark\.fault\(([^)]*)\)", "\n".join(sources))
    injected = {number for mark in marks for number in re.findall(r'"(F\d\d)"', mark)}
    assert injected | LEFT_OUT.keys() == FAULTS.keys()
    assert not injected & LEFT_OUT.keys()
    assert all(LEFT_OUT.values())
