"""Appends wait for the end of the scope, are seen by every later statement, and go with a rollback."""

import threading
from uuid import uuid4

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from hub import audit
from hub.clock import now
from hub.crypto import DataKey
from hub.db.quick import Part, append, fetch, fetch_together
from hub.ids import uuid7
from hub.models import AuditRow
from hub.tenancy import platform_scope, tenant_scope

BANK = uuid4()
pytestmark = pytest.mark.django_db(transaction=True)


def key(index: bytes = b"1") -> DataKey:
    return DataKey(id=uuid7(), institution_id=BANK, kind="person", reference_index=index, wrapped=b"x")


def waiting() -> int:
    return len(connection.waiting)  # type: ignore[attr-defined]  # our own wrapper


def test_it_waits_and_is_seen_by_the_next_read() -> None:
    made = key()
    with tenant_scope(BANK):
        append(made)
        assert waiting() == 1
        [found] = fetch(Part(DataKey, "id = %s", (made.id,)))
        assert waiting() == 0
    assert {f.attname: getattr(found, f.attname) for f in DataKey._meta.concrete_fields} == {
        f.attname: getattr(made, f.attname) for f in DataKey._meta.concrete_fields
    }


def test_it_is_there_after_the_scope() -> None:
    with tenant_scope(BANK):
        append(key())
    with platform_scope():
        assert DataKey.objects.count() == 1


def test_a_refused_row_undoes_the_whole_transaction() -> None:
    with pytest.raises(IntegrityError, match="hub_datakey_reference"), tenant_scope(BANK):
        append(key(b"2"))
        append(key(b"1"), key(b"1"))
    with platform_scope():
        assert DataKey.objects.count() == 0
    assert waiting() == 0


def test_what_waited_goes_with_the_rollback() -> None:
    with pytest.raises(RuntimeError), tenant_scope(BANK):
        append(key())
        raise RuntimeError
    assert waiting() == 0
    with tenant_scope(BANK):
        pass
    with platform_scope():
        assert DataKey.objects.count() == 0


def test_a_savepoint_keeps_what_came_before_it() -> None:
    with tenant_scope(BANK):
        append(key(b"1"))
        with pytest.raises(RuntimeError), transaction.atomic():
            append(key(b"2"))
            assert waiting() == 0
            raise RuntimeError
    with platform_scope():
        assert [bytes(row.reference_index) for row in DataKey.objects.all()] == [b"1"]


def test_rows_of_several_kinds_go_as_one_statement() -> None:
    with tenant_scope(BANK):
        made = [key(bytes([at])) for at in range(3)]
        audit.record(
            actor=audit.system_actor("t"), action="a", subject_type="t", subject_id="1", institution_id=BANK, now=now(),
            details={"figures": [1, None, "二"]}, after=made[:2],
        )  # fmt: skip
        append(made[2])
    with platform_scope():
        assert set(DataKey.objects.values_list("id", flat=True)) == {row.id for row in made}
        assert AuditRow.objects.get().details == {"figures": [1, None, "二"]}


def test_parts_come_together_and_each_row_once() -> None:
    made = [key(bytes([at])) for at in range(3)]
    with tenant_scope(BANK):
        append(*made)
        every, none, one = fetch_together(
            Part(DataKey, "kind = %s", ("person",)), Part(DataKey, "false", ()), Part(DataKey, "id = %s", (made[1].id,))
        )
    assert {row.id for row in every} == {row.id for row in made}
    assert none == []
    assert one == [made[1]]


def test_columns_may_be_left_out_and_json_may_not_be_read() -> None:
    made = key()
    with tenant_scope(BANK):
        append(made)
        [found] = fetch(Part(DataKey, "id = %s", (made.id,), only=("id", "kind")))
        assert found.get_deferred_fields() >= {"wrapped"}
        assert found.kind == "person"
        with pytest.raises(TypeError, match="JSON"):
            fetch(Part(AuditRow, "true", ()))


def test_connections_that_died_in_the_pool_are_replaced() -> None:
    def one() -> None:
        with tenant_scope(BANK):
            fetch(Part(DataKey, "true", ()))
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with psycopg.connect(host=connection.settings_dict["HOST"], user="postgres", dbname="postgres") as superuser:
        killed = superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = 'luopan_app'",
            [connection.settings_dict["NAME"]],
        ).fetchall()
    assert len(killed) >= 1
    for _ in range(8):
        one()
