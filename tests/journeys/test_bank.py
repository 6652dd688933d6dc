"""The whole way of a bank (acceptance 5): its book by REST, a real worker trains, two approve, scores that replay."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from hub.audit import system_actor
from hub.clock import now
from hub.tenancy import platform_scope
from risk.learning.demo_book import demo_csv
from risk.learning.shipped import mapping_text
from risk.scoring import registry
from risk.scoring.models import ModelVersion
from tests import factories
from tests.journeys.rest import RestClient
from tests.stack import Stack


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path)
    yield made
    made.close()


class Bank(RestClient):
    """A bank's own client."""

    def train_on(self, seed: int) -> Any:
        """Send a book and have it trained on; return the training's job once it is done."""
        parts = {
            'name="line"': b"harbour", 'name="train"': b"true",
            'name="mapping"; filename="m.yaml"': mapping_text("demo_consumer"),
            'name="file"; filename="book.csv"': "".join(demo_csv(rows=2500, seed=seed)).encode(),
        }  # fmt: skip
        place = self.hand_in("/api/v1/loan-books", parts).headers["Location"]
        self.finished(place, within_s=60)
        book = self.ask("GET", f"/api/v1/loan-books/{place.rpartition('/')[2]}").json()
        assert (book["rows"], book["problems"]["items"]) == (2500, [])
        return self.finished(f"/api/v1/jobs/{book['trainings'][0]}", within_s=120)

    def score(self, person: str) -> Any:
        """Score one of the bank's customers."""
        body = {
            "model_line": "harbour",
            "person_reference": person,
            "consent": {"reference": f"c-{person}", "text_version": "1", "given_at": "2026-01-01T00:00:00+08:00"},
            "features": {"monthly_income": 14000, "card_utilisation": 96, "housing": "rent"},
        }
        answer = self.ask("POST", "/api/v1/scores", body)
        assert answer.status == 201, answer.body
        return answer.json()


def approve_newest() -> None:
    with platform_scope():
        version = ModelVersion.objects.filter(line__name="harbour").latest("number")
        assert version.state == "challenger"
    for user_id in (uuid.uuid4(), uuid.uuid4()):
        with platform_scope():
            waiver = "So few bad loans prove nothing, and nothing better is there."
            registry.approve_version(version_id=version.id, user_id=user_id, waiver=waiver, now=now())
    with platform_scope():
        registry.promote_due(actor=system_actor("tests"), now=now() + timedelta(days=settings.MODEL_NOTICE_DAYS))


def test_from_a_book_to_scores_that_replay(stack: Stack) -> None:
    client, secret = factories.make_client_and_secret()
    address = stack.web()
    for words in (("worker", "default"), ("worker", "training"), ("beat",)):
        stack.start(*words)
    bank = Bank(stack, address, client.client_id, secret)

    bank.train_on(seed=1)
    approve_newest()
    first = bank.score("customer-1")
    assert first["versions"]["model"]["number"] == 1
    assert [reason["rank"] for reason in first["reasons"]] == list(range(1, len(first["reasons"]) + 1))
    assert first["reasons"][0]["feature"] in ("monthly_income", "card_utilisation", "housing")

    bank.train_on(seed=2)
    approve_newest()
    second = bank.score("customer-2")
    assert second["versions"]["model"]["number"] == 2
    assert second["versions"]["model"]["sha256"] != first["versions"]["model"]["sha256"]

    assert bank.ask("GET", f"/api/v1/scores/{first['id']}").json() == first
    again = bank.ask("POST", f"/api/v1/scores/{first['id']}/replay")
    figures = {"logit": first["logit"], "pd_12m": first["pd_12m"]}
    assert again.json() == {"id": first["id"], "result": "identical", "recorded": figures, "replayed": figures}
