"""Acceptance 4, on the pages: one person with several applications in several tabs, all sent at once (I11)."""

import threading
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test import Client

from acquisition.journey.models import Application
from hub.tenancy import platform_scope
from partners.referrals.models import Case, OpenApplicationClaim
from tests.acquisition.journey import world
from tests.acquisition.journey.borrowers import send
from tests.acquisition.journey.test_case_pages import heading, reviewed
from tests.harness import count

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _champion(transactional_db: None) -> None:
    world.champion()


def at_once(tabs: list[tuple[Client, UUID]]) -> list[Any]:
    """Send the review of every tab at the same time."""
    gate, answers = threading.Barrier(len(tabs)), []

    def drive(browser: Client, made: UUID) -> None:
        try:
            gate.wait()
            answers.append(send(browser, made, "review/"))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=drive, args=tab) for tab in tabs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_two_applications_of_one_person_at_once() -> None:
    for _ in range(count(3, soak=30)):
        bank = world.sandbox()
        tabs = [(browser, reviewed(browser, bank)) for browser in (Client(), Client())]
        answers = at_once(tabs)
        assert sorted(answer.status_code for answer in answers) == [302, 409]
        [loser] = [answer for answer in answers if answer.status_code == 409]
        assert heading(loser) == "You have an open application already"
        made = [application_id for _, application_id in tabs]
        with platform_scope():
            [kept] = Case.objects.filter(id__in=made)
            assert OpenApplicationClaim.objects.get(person_id=kept.person_id).case_id == kept.id
            [other] = [application_id for application_id in made if application_id != kept.id]
            assert Application.objects.get(id=other).state == "draft"
