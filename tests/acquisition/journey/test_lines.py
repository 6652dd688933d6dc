"""Which line scores whom: sandboxes have one of their own, which never scores a live applicant."""

from uuid import UUID

import pytest

from acquisition.journey import cases
from acquisition.journey.models import Application
from hub.clock import now
from hub.tenancy import platform_scope
from risk.scoring import facade as scoring
from risk.scoring.facade import SANDBOX_LINE
from tests.acquisition.journey import borrowers, world
from tests.factories import make_institution
from tests.partners.product_factory import make_live

pytestmark = pytest.mark.django_db(transaction=True)


def scored_by(sandbox_id: UUID | None) -> UUID:
    """Apply in a world; return the version that scored."""
    made = borrowers.begin(sandbox_id=sandbox_id)
    borrowers.answer(made, borrowers.GOOD)
    borrowers.prove(made)
    with platform_scope():
        assert cases.find_offers(application_id=made, now=now()) == "matched"
        decision_id = Application.objects.get(id=made).decision_id
        assert decision_id is not None
        return scoring.read_application(decision_id=decision_id).version_id


def test_a_sandbox_is_scored_by_its_line_and_live_applicants_never_are() -> None:
    live, theirs = world.champion(), world.champion(SANDBOX_LINE)
    assert scored_by(world.sandbox(lenders=1).id) == theirs
    make_live(make_institution(sandbox=False).id)
    assert scored_by(None) == live != theirs


def test_a_sandbox_is_scored_as_live_while_its_line_has_no_champion() -> None:
    live = world.champion()
    assert scored_by(world.sandbox(lenders=1).id) == live
    world.challenger(SANDBOX_LINE)
    assert scored_by(world.sandbox(lenders=1).id) == live
