"""I9: what was committed before the web process died is settled by the same Idempotency-Key (acceptance 7)."""

import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope
from risk.scoring.models import Decision
from tests import factories
from tests.risk.registry_factory import make_champion, make_line
from tests.stack import Answer, Stack, until

BODY: dict[str, Any] = {
    "model_line": "consumer",
    "person_reference": "customer-1",
    "consent": {"reference": "consent-1", "text_version": "1", "given_at": "2026-01-01T00:00:00+08:00"},
    "features": {"income": 9000, "utilisation": 95, "housing": "rent"},
}


def headers() -> dict[str, str]:
    make_champion(make_line())
    client = factories.make_client(factories.make_institution(sandbox=True))
    return {"Authorization": factories.bearer(client)["HTTP_AUTHORIZATION"], "Idempotency-Key": str(uuid4())}


def effects() -> tuple[int, int, int]:
    with platform_scope():
        events = OutboxEvent.objects.filter(type="decision.scored").count()
        return Decision.objects.count(), events, AuditRow.objects.filter(action="decision.scored").count()


@pytest.mark.fault("F01")
def test_killed_between_commit_and_answer(stack: Stack, tmp_path: Path) -> None:
    marker = tmp_path / "killed"
    address = stack.web(LUOPAN_FAULTPOINT=f"after_commit_before_answer:{marker}")
    sent = headers()
    with pytest.raises(OSError, match=r"Remote end closed|Connection reset"):
        stack.ask("POST", f"{address}/api/v1/scores", BODY, sent)
    assert marker.exists()
    assert effects() == (1, 1, 1)
    until(lambda: stack.answers(address), within_s=30, what="the web process is back")
    again = stack.ask("POST", f"{address}/api/v1/scores", BODY, sent)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert effects() == (1, 1, 1)
    with platform_scope():
        assert again.json()["id"] == str(Decision.objects.get().id)


@pytest.mark.fault("F20")
def test_one_key_a_hundred_times_over_two_processes(stack: Stack) -> None:
    addresses = [stack.web(), stack.web()]
    sent = headers()
    gate = threading.Barrier(20)
    answers: list[Answer] = []

    def drive(number: int) -> None:
        gate.wait()
        for _ in range(5):
            answers.append(stack.ask("POST", f"{addresses[number % 2]}/api/v1/scores", BODY, sent))

    threads = [threading.Thread(target=drive, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 100
    assert {answer.status for answer in answers} <= {201, 409}
    made = [answer for answer in answers if answer.status == 201]
    assert len([answer for answer in made if answer.headers["Idempotent-Replayed"] != "true"]) == 1
    assert len({answer.json()["id"] for answer in made}) == 1
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 409)
    assert effects() == (1, 1, 1)
