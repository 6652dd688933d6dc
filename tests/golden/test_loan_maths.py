"""The golden cases of loan maths: LOAN_MATHS_CASES names their folder. A case that nobody understands fails."""

import pytest

from tests.golden.groups import READERS
from tests.golden.reading import FOLDER, Case, cases

if not FOLDER.is_dir():
    pytest.skip(f"no folder of golden cases at {FOLDER}: set LOAN_MATHS_CASES", allow_module_level=True)


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.group}-{case.id}") for case in cases()])
def test_golden_case(case: Case) -> None:
    assert case.group in READERS, f"no reader for the group {case.group!r}"
    case.check(READERS[case.group](case))


def test_there_are_cases() -> None:
    assert any(True for _ in cases())
