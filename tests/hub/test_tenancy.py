"""I8: no foreign row, whatever the way (acceptance 6)."""

import threading
from collections.abc import Callable
from uuid import UUID, uuid4

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, ProgrammingError, connection, transaction

from hub import audit
from hub.clock import now
from hub.crypto import DataKey
from hub.db.base import as_owner
from hub.tenancy import ScopeError, current_scope, platform_scope, tenant_scope

A, B = uuid4(), uuid4()
pytestmark = pytest.mark.django_db(transaction=True)


def put(institution_id: UUID) -> UUID:
    with tenant_scope(institution_id):
        key = DataKey.objects.for_reference(institution_id=institution_id, kind=DataKey.PERSON, reference="x")
        return key.id


def seen() -> set[UUID]:
    return set(DataKey.objects.values_list("institution_id", flat=True))  # type: ignore[arg-type]  # both have one


def raw_count() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM hub_datakey")
        return int(cursor.fetchone()[0])


def in_thread(work: Callable[[], object]) -> list[object]:
    result: list[object] = []

    def run() -> None:
        try:
            result.append(work())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the result
            result.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return result


def test_the_login_role_is_the_unprivileged_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname, rolsuper, rolbypassrls, rolinherit FROM pg_roles WHERE rolname = session_user")
        assert cursor.fetchone() == ("luopan_app", False, False, False)


@pytest.mark.parametrize(
    "table", ["hub_datakey", "hub_auditrow", "accounts_user", "django_session", "django_migrations"]
)
def test_a_raw_read_without_a_scope_is_denied(table: str) -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="permission denied"):
        cursor.execute(f"SELECT * FROM {table}")


def test_a_tenant_sees_his_own_rows_only() -> None:
    mine, other = put(A), put(B)
    with tenant_scope(A):
        assert set(DataKey.objects.values_list("id", flat=True)) == {mine}
        assert raw_count() == 1
        assert not DataKey.objects.filter(id=other).exists()
    with platform_scope():
        assert seen() == {A, B}


def test_a_tenant_changes_no_foreign_row() -> None:
    other = put(B)
    with tenant_scope(A):
        assert DataKey.objects.filter(id=other).update(kind="book") == 0
    with platform_scope():
        assert DataKey.objects.get(id=other).kind == "person"


def test_a_tenant_inserts_for_nobody_else() -> None:
    with pytest.raises(ProgrammingError, match="row-level security"), tenant_scope(A):
        audit.record(
            actor=audit.system_actor("t"), action="x", subject_type="t", subject_id="1", institution_id=B, now=now()
        )
    with platform_scope():
        assert audit.AuditRow.objects.count() == 0


def test_audit_rows_can_neither_be_read_by_a_tenant_nor_changed_by_anybody() -> None:
    with tenant_scope(A):
        audit.record(
            actor=audit.system_actor("t"), action="x", subject_type="t", subject_id="1", institution_id=A, now=now()
        )
    with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(A):
        audit.AuditRow.objects.count()
    for change in ("UPDATE hub_auditrow SET action = 'y'", "DELETE FROM hub_auditrow"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            platform_scope(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)


def test_nothing_is_left_after_commit() -> None:
    put(A)
    with tenant_scope(A):
        assert raw_count() == 1
    with pytest.raises(ProgrammingError, match="permission denied"):
        raw_count()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_user, coalesce(current_setting('app.institution_id', true), '')")
        assert cursor.fetchone() == ("luopan_app", "")


def test_nothing_is_left_after_rollback() -> None:
    put(A)
    with pytest.raises(RuntimeError), tenant_scope(A):
        raise RuntimeError
    with pytest.raises(ProgrammingError, match="permission denied"):
        raw_count()
    with tenant_scope(B):
        assert raw_count() == 0


def test_nothing_passes_through_the_pool() -> None:
    put(A), put(B)

    def look(who: UUID) -> set[UUID]:
        with tenant_scope(who):
            return seen()

    for _ in range(30):
        assert in_thread(lambda: look(A)) == [{A}]
        assert in_thread(lambda: look(B)) == [{B}]
        [denied] = in_thread(raw_count)
        assert isinstance(denied, ProgrammingError)


def test_scopes_do_not_mix() -> None:
    with tenant_scope(A), pytest.raises(ScopeError), tenant_scope(B):
        pass
    with tenant_scope(A), pytest.raises(ScopeError), platform_scope():
        pass
    assert current_scope() is None


def test_the_same_scope_inside_itself_is_one_transaction() -> None:
    with tenant_scope(A):
        put(A)
        with pytest.raises(RuntimeError), tenant_scope(A):
            DataKey.objects.for_reference(institution_id=A, kind=DataKey.PERSON, reference="y")
            raise RuntimeError
        assert raw_count() == 1


def test_an_institution_is_a_uuid() -> None:
    with pytest.raises(ScopeError), tenant_scope("'; RESET ROLE; --"):  # type: ignore[arg-type]  # the point
        pass


def test_an_unsafe_login_role_is_refused() -> None:
    before = dict(connection.settings_dict)
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # the PostgreSQL backend's
    options = {key: value for key, value in before["OPTIONS"].items() if key != "pool"}
    try:
        for user, fault in (("postgres", "is a superuser"), ("luopan_owner", "owns tables")):
            connection.settings_dict.update({"USER": user, "OPTIONS": options})
            with pytest.raises(ImproperlyConfigured, match=fault):
                connection.ensure_connection()
            connection.close()
    finally:
        connection.settings_dict.update(before)


def test_each_table_has_its_rights() -> None:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                      has_table_privilege('luopan_tenant', c.oid, 'SELECT, INSERT, UPDATE, DELETE'),
                      has_table_privilege('luopan_app', c.oid, 'SELECT')
               FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"""
        )
        rows = cursor.fetchall()
    assert len(rows) > 20
    assert [name for name, _, _, login in rows if login] == []
    assert [name for name, forced, tenant, _ in rows if tenant and not forced] == []


def test_a_connection_of_the_owner_does_not_stay() -> None:
    with as_owner():
        pass
    with pytest.raises(DatabaseError):
        raw_count()
    assert connection.settings_dict["USER"] == "luopan_app"
    assert isinstance(connection.connection, psycopg.Connection)
