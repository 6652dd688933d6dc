"""Appends wait for the end of the scope, are seen by every later statement, and go with a rollback."""

import threading
from uuid import uuid4

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from hub import audit
from hub.clock import now
from hub.consent import ConsentEntry
from hub.crypto import DataKey
from hub.db.quick import Part, append, fetch, fetch_together, made, one, write
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
        every, none, mine = fetch_together(
            Part(DataKey, "kind = %s", ("person",)), Part(DataKey, "false", ()), Part(DataKey, "id = %s", (made[1].id,))
        )
    assert {row.id for row in every} == {row.id for row in made}
    assert none == []
    assert mine == [made[1]]


def test_columns_may_be_left_out() -> None:
    made = key()
    with tenant_scope(BANK):
        append(made)
        [found] = fetch(Part(DataKey, "id = %s", (made.id,), only=("id", "kind")))
        assert found.get_deferred_fields() >= {"wrapped"}
        assert found.kind == "person"


def test_json_comes_as_the_orm_reads_it() -> None:
    details = {"share": 0.1, "none": None, "big": 2**60, "text": "量", "list": [1, "2"]}
    with platform_scope():
        audit.record(
            actor=audit.system_actor("t"), action="a", subject_type="t", subject_id="1", now=now(), details=details
        )
        [found] = fetch(Part(AuditRow, "true", ()))
        assert found.details == details == AuditRow.objects.get().details


def test_one_row_comes_with_the_one_it_points_at() -> None:
    made = key()
    with tenant_scope(BANK):
        append(made)
        given = ConsentEntry.objects.create(
            consent_id=uuid4(), institution_id=BANK, person=made, state="given", purpose="credit_scoring",
            recipient="institution", text_version="1", reference_index=b"r", at=now(), recorded_at=now(),
        )  # fmt: skip
        found = one(ConsentEntry, "consent_id = %s", (given.consent_id,), also="person")
        assert found is not None
        with CaptureQueriesContext(connection) as asked:
            assert found.person == made
        assert len(asked) == 0
        assert one(ConsentEntry, "consent_id = %s", (uuid4(),), also="person") is None


def test_some_fields_of_a_row_are_written() -> None:
    made = key()
    with tenant_scope(BANK):
        append(made)
        made.wrapped, made.kind = b"other", "book"
        write(made, "wrapped")
        assert bytes(DataKey.objects.get().wrapped or b"") == b"other"
        assert DataKey.objects.get().kind == "person"
    with tenant_scope(uuid4()), pytest.raises(DatabaseError, match="is gone"):
        write(made, "wrapped")


def test_a_savepoint_of_nothing_is_never_sent() -> None:
    with tenant_scope(BANK):
        with transaction.atomic(), transaction.atomic():
            pass
        with pytest.raises(RuntimeError), transaction.atomic():
            raise RuntimeError
        append(key())
    with platform_scope():
        assert DataKey.objects.count() == 1


def test_savepoints_within_each_other_roll_back_what_is_theirs() -> None:
    with tenant_scope(BANK):
        with transaction.atomic():
            append(key(b"1"))
            with transaction.atomic():
                append(key(b"2"))
            with pytest.raises(IntegrityError), transaction.atomic():
                append(key(b"3"))
                with transaction.atomic():
                    append(key(b"1"))
            append(key(b"4"))
        with pytest.raises(RuntimeError), transaction.atomic():
            with transaction.atomic():
                append(key(b"5"))
            raise RuntimeError
        append(key(b"6"))
    with platform_scope():
        assert sorted(bytes(row.reference_index) for row in DataKey.objects.all()) == [b"1", b"2", b"4", b"6"]


def test_connections_that_died_in_the_pool_are_replaced() -> None:
    def look() -> None:
        with tenant_scope(BANK):
            fetch(Part(DataKey, "true", ()))
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(6)]
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
        look()


def test_an_instance_made_of_its_columns_is_as_the_orm_makes_it() -> None:
    person = key()
    values = {
        "id": uuid7(), "consent_id": uuid4(), "institution_id": BANK, "person_id": person.id, "state": "given",
        "purpose": "credit_scoring", "recipient": "institution", "text_version": "1", "reference_index": b"r",
        "at": now(), "expires_at": None, "recorded_at": now(),
    }  # fmt: skip
    with tenant_scope(BANK):
        entry = made(ConsentEntry, values, person=person)
        assert entry.person is person
        assert entry._state.adding
        append(person, entry)
        found = ConsentEntry.objects.get(id=entry.id)
        assert found == entry
        assert {name: getattr(found, name) for name in values} == values
        part = made(DataKey, {"id": person.id})
        assert part.get_deferred_fields() >= {"kind", "wrapped"}
        assert part.kind == "person"
        with pytest.raises(KeyError):
            append(part)


def test_an_identifier_is_one_whatever_stands_beside_it() -> None:
    row = key()
    with tenant_scope(BANK):
        append(row)
        for where in ("id = %s", "id IN (%s)", "id = ANY (ARRAY[%s]::uuid[])", "id::text = (%s::uuid)::text"):
            assert fetch(Part(DataKey, where, (row.id,))) == [row]
