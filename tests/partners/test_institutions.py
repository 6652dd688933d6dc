"""Onboarding, suspending, issuing and revoking: what they write, and what they refuse without a trace."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.models import Model
from oauth2_provider.models import get_access_token_model

from hub.audit import AuditRow
from hub.clock import now
from hub.errors import Conflict, Invalid, NotFound
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.institutions import facade, queries, services, tasks
from partners.institutions.models import Client, Institution, UsedAssertion
from tests.factories import ACTOR, bearer, make_client, make_client_and_secret, make_institution, make_key, public_key

pytestmark = pytest.mark.django_db


def counts() -> list[int]:
    tables: list[type[Model]] = [Institution, Client, AuditRow, OutboxEvent]
    with platform_scope():
        return [table._default_manager.count() for table in tables]


def told(institution_id: Any) -> list[str]:
    with platform_scope():
        events = OutboxEvent.objects.filter(institution_id=institution_id).order_by("id")
        rows = AuditRow.objects.filter(institution_id=institution_id).order_by("id")
        assert [row.action for row in rows] == [event.type for event in events]
        assert {(row.actor_kind, row.actor_id) for row in rows} == {("system", "tests")}
        return [event.type for event in events]


def issue(institution_id: Any, **changes: Any) -> Any:
    given = {"name": "Desk", "method": "client_secret", "scopes": ["scores:write"], **changes}
    with platform_scope():
        return services.issue_client(institution_id=institution_id, actor=ACTOR, now=now(), **given)


def onboard(**changes: Any) -> Any:
    given = {"name": "Harbour Bank", "jurisdiction": "HK", **changes}
    with platform_scope():
        return services.onboard_institution(actor=ACTOR, now=now(), **given)


def test_a_live_institution_and_its_sandbox() -> None:
    live = onboard()
    sandbox = onboard(name="Harbour Bank (sandbox)", sandbox_of=live.id)
    assert (live.sandbox, live.live_id, live.is_active) == (False, None, True)
    assert (sandbox.sandbox, sandbox.live_id) == (True, live.id)
    assert told(live.id) == told(sandbox.id) == ["institution.onboarded"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": ""}, Invalid),
        ({"name": " \t"}, Invalid),
        ({"name": "x" * 121}, Invalid),
        ({"name": "a\0b"}, Invalid),
        ({"name": "a\u202eb"}, Invalid),
        ({"jurisdiction": "hk"}, Invalid),
        ({"jurisdiction": "HKG"}, Invalid),
        ({"jurisdiction": "H\n"}, Invalid),
        ({"sandbox_of": UUID(int=1)}, NotFound),
        ({"name": "  Taken   Bank "}, Conflict),
    ],
    ids=str,
)
def test_what_cannot_be_onboarded(changes: dict[str, Any], error: type[Exception]) -> None:
    onboard(name="Taken Bank")
    before = counts()
    with pytest.raises(error):
        onboard(**changes)
    assert counts() == before


def test_a_sandbox_has_no_sandbox() -> None:
    sandbox = make_institution()
    before = counts()
    with pytest.raises(Conflict):
        onboard(sandbox_of=sandbox.id)
    assert counts() == before


def test_a_secret_is_shown_once() -> None:
    client, secret = make_client_and_secret()
    assert len(secret) == 48
    assert (client.method, client.sandbox, client.key_ids, client.revoked_at) == ("client_secret", True, [], None)
    assert secret not in repr(client)
    assert told(client.institution_id) == ["institution.onboarded", "client.issued"]
    with platform_scope():
        details = AuditRow.objects.get(action="client.issued", institution_id=client.institution_id).details
    assert details == {"method": "client_secret"}


def test_a_client_with_keys_has_no_secret() -> None:
    key = make_key(kid="2026-01")
    client, secret = make_client_and_secret(make_institution(sandbox=False), key=key)
    assert (client.method, client.sandbox, client.key_ids, secret) == ("private_key_jwt", False, ["2026-01"], "")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"method": "none"}, "/method"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["all"]}, "/scopes"),
        ({"name": ""}, "/name"),
        ({"jwks": {"keys": []}}, "/jwks"),
        ({"method": "private_key_jwt"}, "/jwks"),
        ({"method": "private_key_jwt", "jwks": []}, "/jwks"),
        ({"method": "private_key_jwt", "jwks": {"keys": []}}, "/jwks"),
        ({"method": "private_key_jwt", "jwks": {"keys": [1]}}, "/jwks/keys/0"),
    ],
    ids=str,
)
def test_what_cannot_be_issued(changes: dict[str, Any], pointer: str) -> None:
    institution = make_institution()
    before = counts()
    if changes.get("jwks") == {"keys": []} and "method" not in changes:
        changes["jwks"] = {"keys": [public_key(make_key())]}
    with pytest.raises(Invalid) as caught:
        issue(institution.id, **changes)
    assert [fault.pointer for fault in caught.value.errors] == [pointer]
    assert counts() == before


def test_a_live_client_may_not_have_a_secret() -> None:
    live = make_institution(sandbox=False)
    before = counts()
    with pytest.raises(Invalid) as caught:
        issue(live.id)
    assert caught.value.errors[0].code == "secret_in_live"
    assert counts() == before


def test_limits_of_its_own() -> None:
    client = make_client()

    def limit(client_id: str, **limits: int | None) -> queries.ClientView:
        with platform_scope():
            return services.limit_client(client_id=client_id, **limits, actor=ACTOR, now=now())

    assert limit(client.client_id, per_minute=7, per_day=None).per_minute == 7
    assert told(client.institution_id)[-1] == "client.limited"
    before = counts()
    for wrong in (0, -1, services.LIMIT_MAX + 1):
        with pytest.raises(Invalid) as caught:
            limit(client.client_id, per_minute=wrong, per_day=wrong)
        assert [fault.pointer for fault in caught.value.errors] == ["/per_minute", "/per_day"]
    with pytest.raises(NotFound):
        limit("nobody", per_minute=1, per_day=1)
    assert counts() == before
    assert limit(client.client_id, per_minute=None, per_day=None) == client


def test_the_database_keeps_the_same_rules() -> None:
    live, sandbox = make_client(make_institution(sandbox=False)), make_client()
    for client, change, rule in (
        (live, {"method": "client_secret", "jwks": {}}, "institutions_client_live_by_key"),
        (live, {"jwks": {}}, "institutions_client_keys_fit_method"),
        (sandbox, {"jwks": {"keys": []}}, "institutions_client_keys_fit_method"),
        (sandbox, {"authorization_grant_type": "password"}, "institutions_client_credentials_only"),
        (sandbox, {"client_type": "public"}, "institutions_client_credentials_only"),
    ):
        with pytest.raises(IntegrityError, match=rule), platform_scope():
            Client.objects.filter(client_id=client.client_id).update(**change)


def test_nobody_and_suspended_institutions_get_no_client() -> None:
    with pytest.raises(NotFound):
        issue(uuid4())
    institution = make_institution()
    with platform_scope():
        services.suspend_institution(institution_id=institution.id, actor=ACTOR, now=now())
    before = counts()
    with pytest.raises(Conflict):
        issue(institution.id)
    assert counts() == before


def test_suspending_resuming_and_revoking_twice_tell_once() -> None:
    client = make_client()
    with platform_scope():
        for _ in range(2):
            services.suspend_institution(institution_id=client.institution_id, actor=ACTOR, now=now())
        for _ in range(2):
            services.resume_institution(institution_id=client.institution_id, actor=ACTOR, now=now())
        for _ in range(2):
            services.revoke_client(client_id=client.client_id, actor=ACTOR, now=now())
    assert told(client.institution_id)[2:] == ["institution.suspended", "institution.resumed", "client.revoked"]
    with pytest.raises(NotFound), platform_scope():
        services.revoke_client(client_id="nobody", actor=ACTOR, now=now())


def test_a_tenant_sees_its_own_record_and_clients_without_secrets() -> None:
    own, other = make_client(), make_client()
    with tenant_scope(own.institution_id):
        assert facade.get_institution(institution_id=own.institution_id).id == own.institution_id
        with pytest.raises(NotFound):
            facade.get_institution(institution_id=other.institution_id)
        assert [queries.client_view(row).client_id for row in queries.clients_of(own.institution_id)] == [own.client_id]
        assert not list(queries.clients_of(other.institution_id))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT client_secret FROM institutions_client",
        "SELECT * FROM institutions_client",
        "UPDATE institutions_client SET revoked_at = NULL",
        "DELETE FROM institutions_client",
        "UPDATE institutions_institution SET is_active = true",
        "SELECT * FROM institutions_usedassertion",
        "SELECT * FROM oauth2_provider_accesstoken",
    ],
)
def test_a_tenant_may_not(statement: str) -> None:
    client = make_client()
    with (
        tenant_scope(client.institution_id),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_expired_tokens_and_assertions_are_forgotten() -> None:
    client = make_client()
    bearer(client)
    bearer(client, expires_at=now() - timedelta(seconds=1))
    with platform_scope():
        row = Client.objects.get(client_id=client.client_id)
        for seconds in (-1, 60):
            assert UsedAssertion.use(client_pk=row.pk, jti=str(seconds), expires_at=now() + timedelta(seconds=seconds))
    tasks.forget_expired()
    with platform_scope():
        assert get_access_token_model().objects.count() == 1
        assert UsedAssertion.objects.count() == 1
        assert not UsedAssertion.use(client_pk=row.pk, jti="60", expires_at=now())
    tasks.forget_expired()
