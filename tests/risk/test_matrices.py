"""Two people set a matrix live, neither its author; what was approved is the bytes, and every refused try is kept."""

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from django.db import IntegrityError

from hub.clock import now
from hub.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from risk.scoring import matrices
from risk.scoring.affordability import CURRENT_SHIPPED, SHIPPED, Matrix
from risk.scoring.models import MatrixApproval, ModelLine, PolicyMatrix
from tests.risk.matrix_factory import AUTHOR, draft, set_live, strict
from tests.risk.registry_factory import OSCAR, RITA, make_line

pytestmark = pytest.mark.django_db


def approve(row: PolicyMatrix, user_id: UUID, sha256: str = "") -> str:
    with platform_scope():
        return matrices.approve_matrix(
            matrix_id=row.id, sha256=sha256 or row.sha256, user_id=user_id, now=now()
        ).state  # fmt: skip


def refused(row: PolicyMatrix, user_id: UUID, error: type[Exception], told: str, sha256: str = "") -> None:
    # As a page does: the refusal is shown and the transaction, audit row included, commits.
    with platform_scope():
        before = MatrixApproval.objects.count()
        with pytest.raises(error, match=told):
            matrices.approve_matrix(matrix_id=row.id, sha256=sha256 or row.sha256, user_id=user_id, now=now())
        assert MatrixApproval.objects.count() == before
        tries = AuditRow.objects.filter(action="matrix.approval_refused", subject_id=row.id, actor_id=str(user_id))
        assert tries.count() == 1
        assert PolicyMatrix.objects.get(id=row.id).state == "draft"


def live_of(line: ModelLine) -> matrices.InForce:
    with platform_scope():
        rows = PolicyMatrix.objects.filter(line=line, state="live")
        return matrices.in_force(rows, institution_id=line.institution_id)


def test_the_second_approval_sets_it_live_and_the_one_before_retires() -> None:
    line = make_line()
    assert live_of(line) == matrices.shipped()
    first = draft(line)
    assert approve(first, RITA) == "draft"
    assert live_of(line).name == CURRENT_SHIPPED
    assert approve(first, OSCAR) == "live"
    assert live_of(line) == matrices.InForce("1", first.sha256, strict())
    second = set_live(line, SHIPPED[CURRENT_SHIPPED])
    assert (live_of(line).name, live_of(line).sha256) == ("2", second.sha256)
    with platform_scope():
        assert PolicyMatrix.objects.get(id=first.id).state == "retired"
        told = OutboxEvent.objects.filter(type="matrix.promoted").order_by("created_at").last()
        assert told is not None
        assert told.payload["previous_id"] == str(first.id)


def test_the_author_cannot_approve() -> None:
    refused(draft(make_line()), AUTHOR, Forbidden, "wrote a matrix")


def test_the_database_refuses_the_author_too() -> None:
    row = draft(make_line())
    with pytest.raises(IntegrityError, match="scoring_matrixapproval_not_by_author"), platform_scope():
        MatrixApproval.objects.create(
            matrix_id=row.id, user_id=AUTHOR, author_id=AUTHOR, sha256=row.sha256, at=now()
        )  # fmt: skip


def test_one_person_approves_once() -> None:
    row = draft(make_line())
    approve(row, RITA)
    refused(row, RITA, Conflict, "already")


def test_after_an_edit_what_was_read_is_approved_no_more_and_earlier_approvals_are_void() -> None:
    row = draft(make_line())
    approve(row, RITA)
    with platform_scope():
        edited = matrices.revise_matrix(matrix_id=row.id, matrix=SHIPPED[CURRENT_SHIPPED], user_id=AUTHOR, now=now())
    assert edited.sha256 != row.sha256
    refused(row, OSCAR, Conflict, "changed since", sha256=row.sha256)
    assert approve(edited, OSCAR) == "draft"
    assert approve(edited, RITA) == "live"


def test_bytes_that_were_changed_behind_our_back_are_not_approved_and_decide_nothing() -> None:
    row = draft(make_line())
    live = set_live(make_line("other"))
    with platform_scope():
        for one in (row, live):
            PolicyMatrix.objects.filter(id=one.id).update(document=bytes(one.document).replace(b":50", b":51"))
    refused(row, RITA, Conflict, "changed since")
    with platform_scope(), pytest.raises(Unavailable):
        matrices.in_force(PolicyMatrix.objects.filter(id=live.id), institution_id=None)
    with platform_scope():
        assert matrices.by_digest(live.sha256) is None


def test_only_the_author_edits_and_only_a_draft() -> None:
    line = make_line()
    row = draft(line)
    with platform_scope(), pytest.raises(Forbidden):
        matrices.revise_matrix(matrix_id=row.id, matrix=strict(), user_id=RITA, now=now())
    live = set_live(line)
    with platform_scope(), pytest.raises(Conflict, match="stays as it is"):
        matrices.revise_matrix(matrix_id=live.id, matrix=strict(), user_id=AUTHOR, now=now())


def test_what_is_live_waits_for_no_approval_and_what_there_is_not_neither() -> None:
    live = set_live(make_line())
    with platform_scope(), pytest.raises(Conflict, match="only a draft"):
        matrices.approve_matrix(matrix_id=live.id, sha256=live.sha256, user_id=uuid4(), now=now())
    with platform_scope(), pytest.raises(NotFound):
        matrices.approve_matrix(matrix_id=uuid4(), sha256="", user_id=RITA, now=now())


def test_a_matrix_that_approves_what_is_not_affordable_is_not_even_drafted() -> None:
    line, cells = make_line(), msgspec.to_builtins(strict())
    cells["cells"]["A"]["short"]["action"] = "approve"
    with platform_scope(), pytest.raises(Invalid) as caught:
        matrices.draft_matrix(line_id=line.id, matrix=msgspec.convert(cells, Matrix), user_id=AUTHOR, now=now())
    assert ("/cells/A/short", "not_affordable") in {(one.pointer, one.code) for one in caught.value.errors}
    with platform_scope():
        assert not PolicyMatrix.objects.exists()


@pytest.mark.parametrize("state", ["draft", "live"])
def test_the_database_knows_the_flow_and_one_live_matrix_a_line(state: str) -> None:
    line = make_line()
    live = set_live(line)
    changes: dict[str, Any] = {"id": live.id} if state == "draft" else {"id": draft(line).id}
    with pytest.raises(IntegrityError, match=r"state_flow|one_live"), platform_scope():
        PolicyMatrix.objects.filter(**changes).update(state=state)


def test_a_tenant_reads_the_platforms_matrices_and_its_own_and_writes_none() -> None:
    bank = uuid4()
    set_live(make_line())
    set_live(make_line("own", bank))
    with tenant_scope(uuid4()):
        assert list(PolicyMatrix.objects.values_list("line__name", flat=True)) == ["consumer"]
    with tenant_scope(bank):
        assert PolicyMatrix.objects.count() == 2
        assert matrices.by_digest(matrices.shipped().sha256) == SHIPPED[CURRENT_SHIPPED]
