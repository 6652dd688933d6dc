"""Policy matrices for tests, drafted and approved by the services."""

from uuid import uuid4

import msgspec

from hub.clock import now
from hub.tenancy import platform_scope
from risk.scoring import matrices
from risk.scoring.affordability import CURRENT_SHIPPED, SHIPPED, Matrix
from risk.scoring.models import ModelLine, PolicyMatrix
from tests.risk.registry_factory import OSCAR, RITA

AUTHOR = uuid4()


def strict() -> Matrix:
    """Return the shipped matrix with every risk a grade worse where it is tight or more, and half the limit."""
    cells = msgspec.to_builtins(SHIPPED[CURRENT_SHIPPED])
    for grade, row in cells["cells"].items():
        for band, cell in row.items():
            cell["limit_percent"] //= 2
            if band != "comfortable" and grade != "E":
                cell["grade"] = chr(ord(grade) + 1)
    return msgspec.convert(cells, Matrix)


def draft(line: ModelLine, matrix: Matrix | None = None) -> PolicyMatrix:
    """Draft a matrix."""
    with platform_scope():
        return matrices.draft_matrix(line_id=line.id, matrix=matrix or strict(), user_id=AUTHOR, now=now())


def set_live(line: ModelLine, matrix: Matrix | None = None) -> PolicyMatrix:
    """Draft a matrix and let two people approve it."""
    row = draft(line, matrix)
    for user_id in (RITA, OSCAR):
        with platform_scope():
            row = matrices.approve_matrix(matrix_id=row.id, sha256=row.sha256, user_id=user_id, now=now())
    return row
