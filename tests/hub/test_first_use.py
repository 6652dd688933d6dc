"""Two requests that first meet the same person, consent or key: both are answered, and each row stands once."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client as Http

from hub.models import ConsentEntry, DataKey
from hub.tenancy import platform_scope
from risk.scoring.models import Decision
from tests import factories
from tests.risk.registry_factory import make_champion, make_line

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_first_scores_of_one_person() -> None:
    make_champion(make_line())
    sent = factories.bearer(factories.make_client(factories.make_institution()))
    body: dict[str, Any] = {
        "model_line": "consumer",
        "person_reference": "customer-1",
        "consent": {"reference": "consent-1", "text_version": "1", "given_at": "2026-01-01T00:00:00+08:00"},
        "features": {"income": 9000},
    }
    gate, statuses = threading.Barrier(8), []

    def drive() -> None:
        gate.wait()
        answer = Http().post(
            "/api/v1/scores", body, content_type="application/json", HTTP_IDEMPOTENCY_KEY=str(uuid4()), **sent
        )
        statuses.append(answer.status_code)
        connection.close()

    threads = [threading.Thread(target=drive) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 8
    with platform_scope():
        counts = (DataKey.objects.count(), ConsentEntry.objects.count(), Decision.objects.count())
    assert counts == (1, 1, 8)
