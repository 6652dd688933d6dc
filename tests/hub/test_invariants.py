"""`check_invariants` finds each breach: past every constraint and trigger, as only a superuser could cause it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from hub import invariants, outbox, sealing
from hub.clock import now
from hub.db.base import as_owner
from hub.invariants import Check, Found
from hub.models import InvariantReport
from hub.seal_file import SealFile
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery import services as webhooks
from partners.delivery.feed import feed
from risk.scoring import services
from tests.factories import ACTOR, make_institution
from tests.partners import loan_factory, referral_factory
from tests.partners.product_factory import make_live
from tests.risk.borrowers import borrower, consented, inquired
from tests.risk.registry_factory import make_champion, make_line

# What is done to the database, and the invariant that no longer holds.
BREACHES = {
    "UPDATE products_budget SET reserved_amount = reserved_amount + 1": "I1",
    "UPDATE products_budget SET used_count = used_count + 1": "I1",
    "DELETE FROM products_budgetentry WHERE kind = 'use'": "I1",
    "UPDATE products_budgetentry SET kind = 'release' WHERE kind = 'use'": "I1",
    "DELETE FROM referrals_fundedclaim": "I2",
    "DELETE FROM loans_loan": "I2",
    "UPDATE referrals_referral SET state = 'created', funded_at = NULL WHERE state = 'funded'": "I2",
    "UPDATE referrals_contract SET signed_at = signed_at + interval '9 days' WHERE state = 'signed'": "I2",
    "DELETE FROM referrals_contract WHERE state = 'signed'": "I2",
    "DELETE FROM hub_auditrow WHERE action = 'loan.funded'": "I3",
    "DELETE FROM hub_outboxevent WHERE type = 'loan.funded'": "I3",
    "DELETE FROM hub_outboxevent WHERE type = 'referral.created'": "I3",
    "DELETE FROM hub_outboxevent WHERE type = 'decision.scored'": "I3",
    "DELETE FROM hub_outboxevent WHERE type = 'inquiry.settled'": "I3",
    "UPDATE hub_outboxevent SET position = NULL, sequence = NULL, created_at = now() - interval '1 hour'": "I3",
    "INSERT INTO hub_inboxentry (event_id, subscriber, state, attempts, due_at, fault) "
    "SELECT id, 'somebody', 'waiting', 0, now() - interval '1 hour', '' FROM hub_outboxevent LIMIT 1": "I3",
    "DELETE FROM hub_outboxevent WHERE position = 2": "I4",
    "DELETE FROM delivery_delivery": "I4",
    "UPDATE delivery_delivery SET body = convert_to('{\"id\": \"other\"}', 'UTF8')": "I4",
    "UPDATE delivery_delivery SET due_at = now() - interval '1 day'": "I4",
    "UPDATE delivery_webhookendpoint SET state = 'disabled'": "I4",
    "UPDATE hub_auditrow SET actor_id = 'somebody else' WHERE seal_number IS NOT NULL": "I5",
    "UPDATE hub_auditrow SET seal_number = NULL, at = now() - interval '1 hour'": "I5",
    "UPDATE scoring_decision SET pd_12m = 0.5": "I6",
    "UPDATE scoring_decision SET sha256 = repeat('0', 64)": "I6",
    "UPDATE loans_loan SET institution_id = gen_random_uuid()": "I8",
    "ALTER TABLE loans_loan NO FORCE ROW LEVEL SECURITY": "I8",
    "INSERT INTO referrals_openapplicationclaim (case_id, person_id, product_class) "
    "SELECT id, person_id, product_class FROM referrals_case WHERE state = 'funded'": "I11",
    "DELETE FROM referrals_openapplicationclaim": "I11",
}


@pytest.fixture(scope="module")
def seals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("seals")


@pytest.fixture(scope="module", autouse=True)
def _a_loan_and_more(django_db_setup: None, django_db_blocker: DjangoDbBlocker, seals: Path) -> Iterator[None]:
    """A bank with a webhook, a funded loan, an open application, a score: all committed, once for all tests here."""
    with django_db_blocker.unblock():
        bank = make_institution()
        with tenant_scope(bank.id):
            webhooks.register_endpoint(
                institution_id=bank.id, url="https://bank.example.com/hooks", actor=ACTOR, now=now(),
                resolve=lambda _name: ["93.184.216.34"],
            )  # fmt: skip
        make_live(bank.id)
        referral_factory.match(referral_factory.make_case(bank))
        loan_factory.loan_of(bank.id)
        make_champion(make_line())
        score(bank.id)
        person = borrower()
        inquired(person, consent_id=consented(person))
        with platform_scope():
            outbox.relay(now=now())
        with platform_scope():
            feed(now=now())
            sealing.seal_batch(now=now())
        with platform_scope():
            sealing.export(SealFile(seals), django_settings.SECRETS.seal)
        connection.close()
        yield
        with as_owner():
            call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(autouse=True)
def _here(django_db_blocker: DjangoDbBlocker, seals: Path) -> Iterator[None]:
    with django_db_blocker.unblock(), override_settings(SEALS=seals):
        yield


def score(institution_id: UUID) -> None:
    consent = services.ConsentReference("c-1", "2026-01", now() - timedelta(days=1))
    with tenant_scope(institution_id):
        services.score_person(
            institution_id=institution_id, line_name="consumer", person_reference="p-1", consent_reference=consent,
            features={"income": 9000.0, "utilisation": 95.0, "housing": "rent"}, actor=ACTOR, now=now(),
        )  # fmt: skip


@contextmanager
def as_superuser() -> Iterator[None]:
    """One transaction past every right, constraint of another row and trigger; nothing of it stays."""
    wrapper: Any = connections["default"]
    before = dict(wrapper.settings_dict)
    wrapper.close()
    wrapper.close_pool()
    options = {key: value for key, value in before["OPTIONS"].items() if key != "pool"}
    wrapper.settings_dict.update({"USER": "postgres", "OPTIONS": options, "OWNER": True})
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            yield
            transaction.set_rollback(True)
    finally:
        wrapper.close()
        wrapper.settings_dict.clear()
        wrapper.settings_dict.update(before)


def broken(code: str) -> list[str]:
    return [check.says for check in invariants.declared() if check.code == code and check.find().wrong]


def test_all_of_it_holds() -> None:
    with platform_scope():
        found = [(check, check.find()) for check in invariants.declared()]
    assert [check.says for check, figure in found if figure.wrong] == []
    looked_at = {check.code for check, figure in found if figure.looked_at}
    assert looked_at >= {"I1", "I2", "I3", "I4", "I5", "I6", "I8", "I11"}


@pytest.mark.parametrize(("breach", "code"), BREACHES.items())
def test_a_breach_is_found(breach: str, code: str) -> None:
    with as_superuser():
        with connection.cursor() as cursor:
            cursor.execute(breach)
        assert broken(code)


def test_the_command_prints_each_with_its_figure_and_fails_on_a_breach() -> None:
    out = StringIO()
    call_command("check_invariants", stdout=out)
    lines = out.getvalue().splitlines()
    with platform_scope():
        assert len(lines) == len(list(invariants.declared())) == InvariantReport.objects.count()
    assert all(line.endswith(": holds") for line in lines)


def test_a_breach_is_told_with_examples_and_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Check("I2", "nothing is ever lost", lambda: Found(7, 3, ("a", "b", "c")))
    monkeypatch.setattr(invariants, "HUB", [lost])
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("check_invariants", stdout=out)
    assert ended.value.code == 1
    assert "I2           7  nothing is ever lost: BROKEN 3: a, b, c" in out.getvalue()
    with platform_scope():
        assert InvariantReport.objects.get(says="nothing is ever lost").examples == ["a", "b", "c"]
