"""Trainings of lines that all share read a lender's outcomes only while his recorded agreement stands."""

from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from hub.audit import user_actor
from hub.clock import now
from hub.errors import Conflict, Invalid, NotFound
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope
from risk.learning import agreements
from risk.learning.models import LoanBook, SharingAgreement
from risk.scoring.facade import SANDBOX_LINE
from risk.scoring.models import ModelVersion
from tests.risk.factories import imported
from tests.risk.registry_factory import make_line
from tests.risk.test_training_outcomes import approve, content, funded, record, trained

LENDER, OTHER = UUID(int=41), UUID(int=42)
ACTOR = user_actor(UUID(int=1))
FROM = date(2026, 1, 1)
pytestmark = pytest.mark.django_db


def agree(lender_id: UUID, *, reference: str = "Agreement 17", begins_on: date = FROM) -> SharingAgreement:
    with platform_scope():
        return agreements.record_agreement(
            lender_id=lender_id, reference=reference, begins_on=begins_on, actor=ACTOR, now=now()
        )


def end(agreement_id: UUID) -> None:
    with platform_scope():
        agreements.end_agreement(agreement_id=agreement_id, actor=ACTOR, now=now())


@pytest.fixture
def book() -> LoanBook:
    made = imported(content())
    approve(trained(made).version_id)
    return made


def learned(book: LoanBook) -> int:
    """How many outcomes a training reads now."""
    run = trained(book)
    assert run.failure == ""
    with platform_scope():
        return int(ModelVersion.objects.get(run_id=run.id).report["outcomes"]["rows"])


def test_only_who_agreed_is_learned_from(book: LoanBook) -> None:
    for number, lender in enumerate([LENDER, LENDER, OTHER], start=1):
        record(funded(number), lender_id=lender)
    assert learned(book) == 0
    made = agree(LENDER)
    assert learned(book) == 2
    end(made.id)
    agree(OTHER)
    assert learned(book) == 1


def test_an_agreement_counts_from_its_first_day_on(book: LoanBook) -> None:
    record(funded(1), lender_id=LENDER)
    agree(LENDER, begins_on=now().date() + timedelta(days=1))
    with platform_scope():
        assert agreements.unshared(line_id=book.line_id, now=now()) == [LENDER]
        assert agreements.unshared(line_id=book.line_id, now=now() + timedelta(days=1)) == []


def test_lines_of_a_lender_s_own_and_of_sandboxes_need_none() -> None:
    own, sandbox = make_line(institution_id=LENDER).id, make_line(name=SANDBOX_LINE).id
    with platform_scope():
        for line_id in (own, sandbox):
            assert agreements.unshared(line_id=line_id, now=now()) == []


def test_recorded_once_and_told(book: LoanBook) -> None:
    del book
    first = agree(LENDER)
    assert agree(LENDER).id == first.id
    with pytest.raises(Conflict, match="end it first"):
        agree(LENDER, reference="Another one")
    with pytest.raises(Invalid):
        agree(OTHER, reference=" x ")
    end(first.id)
    end(first.id)
    assert agree(LENDER, reference="Another one").id != first.id
    with pytest.raises(NotFound):
        end(uuid4())
    with platform_scope():
        told = OutboxEvent.objects.filter(type__startswith="sharing.").order_by("id")
        assert [(one.type, one.institution_id) for one in told] == [
            ("sharing.agreed", LENDER), ("sharing.ended", LENDER), ("sharing.agreed", LENDER),
        ]  # fmt: skip
        assert AuditRow.objects.filter(action__startswith="sharing.").count() == 3
