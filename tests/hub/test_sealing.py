"""I5: what was sealed and is then edited, removed or cut off, even by the owner of the tables, is named."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import ProgrammingError, connection
from pytest_django import DjangoDbBlocker

from hub import audit, audit_check, sealing
from hub.clock import now
from hub.models import AuditRow, AuditSeal
from hub.seal_file import HEADS, SealFile
from hub.tasks import seal_audit
from hub.tenancy import platform_scope, tenant_scope
from tests.owner import as_the_owner, owner_dsn

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def write(count: int) -> list[UUID]:
    with platform_scope():
        before = set(AuditRow.objects.values_list("id", flat=True))
        for number in range(count):
            audit.record(
                actor=audit.system_actor("test"), action="thing.done", subject_type="thing", subject_id=uuid4(),
                now=now(), details={"number": number, "share": 0.5, "name": "量"},
            )  # fmt: skip
    with platform_scope():
        return sorted(set(AuditRow.objects.values_list("id", flat=True)) - before)


def seal(file: SealFile) -> None:
    with platform_scope():
        sealing.seal_batch(now=now())
    with platform_scope():
        sealing.export(file, KEY)


def faults(file: SealFile) -> list[tuple[str, UUID | None]]:
    with platform_scope():
        return [(fault.kind, fault.row_id) for fault in audit_check.verify(file)]


def tamper(*statements: str) -> None:
    """As the owner, who takes off what stands in his way."""
    with psycopg.connect(owner_dsn()) as owner:
        for table in ("hub_auditrow", "hub_auditseal"):
            owner.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        for statement in statements:
            assert owner.execute(statement).rowcount > 0
        owner.execute("ALTER TABLE hub_auditrow FORCE ROW LEVEL SECURITY")


@pytest.fixture(autouse=True)
def _own_rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Rows that are really committed, and two tables to empty: quicker than to flush all of them."""
    with django_db_blocker.unblock():
        yield
        connection.close()
        as_the_owner("TRUNCATE hub_auditrow, hub_auditseal")


@pytest.fixture
def file(tmp_path: Path) -> SealFile:
    return SealFile(tmp_path / "seals")


@pytest.fixture
def three(file: SealFile) -> list[list[UUID]]:
    """Three seals over two rows each, all well."""
    rows = []
    for _ in range(3):
        rows.append(write(2))
        seal(file)
    assert faults(file) == []
    return rows


def test_a_batch_is_sealed_once(file: SealFile) -> None:
    write(5)
    with platform_scope():
        assert sealing.tail(now=now()).rows == 5
        head = sealing.seal_batch(now=now())
        assert head is not None
        assert (head.number, head.rows) == (1, 5)
        assert sealing.seal_batch(now=now()) is None
        assert sealing.tail(now=now()) == sealing.Tail(0, 0.0)
        assert AuditRow.objects.filter(seal_number=1).count() == 5


def test_the_age_of_the_unsealed_tail_is_told() -> None:
    write(1)
    with platform_scope():
        assert sealing.tail(now=now() + timedelta(seconds=90)).age_s == pytest.approx(90, abs=5)


@pytest.mark.fault("F05")
def test_two_sealers_at_once_make_one_chain(file: SealFile) -> None:
    rows = write(300)
    gate = threading.Barrier(4)

    def run() -> None:
        gate.wait()
        for _ in range(5):
            seal(file)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seal(file)
    with platform_scope():
        assert [one.number for one in sealing.seals()] == [1]
        assert list(AuditSeal.objects.get().digests()) == rows
    assert len((file.folder / HEADS).read_text().splitlines()) == 1
    assert faults(file) == []


def test_what_is_sealed_while_it_is_verified_is_no_fault(file: SealFile) -> None:
    over = threading.Event()

    def go_on() -> None:
        while not over.is_set():
            write(3)
            seal(file)
        connection.close()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        found = [faults(file) for _ in range(60)]
    finally:
        over.set()
        thread.join()
    assert [one for one in found if one] == []
    with platform_scope():
        assert AuditSeal.objects.count() > 20


@pytest.mark.fault("F34")
def test_an_edited_row_is_named(file: SealFile, three: list[list[UUID]]) -> None:
    wrong = three[1][0]
    tamper(f"UPDATE hub_auditrow SET details = '{{\"number\": 7}}' WHERE id = '{wrong}'")
    assert faults(file) == [("row_edited", wrong)]


@pytest.mark.parametrize("column", ["at", "institution_id", "actor_kind", "actor_id", "action", "subject_type",
                                    "subject_id", "request_id"])  # fmt: skip
def test_every_column_is_sealed(file: SealFile, three: list[list[UUID]], column: str) -> None:
    other = {"at": "at + interval '1 microsecond'", "institution_id": "gen_random_uuid()"}.get(column, "'x'")
    tamper(f"UPDATE hub_auditrow SET {column} = {other} WHERE id = '{three[0][1]}'")
    assert faults(file) == [("row_edited", three[0][1])]


@pytest.mark.fault("F34")
def test_all_rows_edited_are_all_named(file: SealFile, three: list[list[UUID]]) -> None:
    tamper("UPDATE hub_auditrow SET actor_id = 'somebody else'")
    assert sorted(faults(file)) == sorted(("row_edited", row) for part in three for row in part)


@pytest.mark.fault("F34")
def test_a_removed_row_is_named(file: SealFile, three: list[list[UUID]]) -> None:
    tamper(f"DELETE FROM hub_auditrow WHERE id = '{three[2][1]}'")
    assert faults(file) == [("row_removed", three[2][1])]


def test_a_row_that_was_put_in_is_named(file: SealFile, three: list[list[UUID]]) -> None:
    new = uuid4()
    tamper(
        "INSERT INTO hub_auditrow (id, at, actor_kind, actor_id, action, subject_type, subject_id, details, request_id,"
        f" seal_number) VALUES ('{new}', now(), 'system', 'x', 'x', 'x', 'x', '{{}}', '', 2)"
    )
    assert faults(file) == [("row_added", new)]


@pytest.mark.fault("F34")
def test_a_cut_tail_is_named(file: SealFile, three: list[list[UUID]]) -> None:
    tamper("DELETE FROM hub_auditrow WHERE seal_number = 3", "DELETE FROM hub_auditseal WHERE number = 3")
    assert faults(file) == [("cut_off", three[2][0])]
    write(1)
    seal(file)  # the next seal takes the number of the one that was cut off
    assert ("seal_replaced", None) in faults(file)


def test_a_removed_seal_is_named(file: SealFile, three: list[list[UUID]]) -> None:
    tamper("DELETE FROM hub_auditseal WHERE number = 2")
    assert {kind for kind, _ in faults(file)} == {"seal_missing", "cut_off"}


@pytest.mark.fault("F34")
def test_a_chain_made_anew_is_not_the_one_that_was_exported(file: SealFile, three: list[list[UUID]]) -> None:
    tamper(
        f"UPDATE hub_auditrow SET actor_id = 'x' WHERE id = '{three[0][0]}'",
        "UPDATE hub_auditrow SET seal_number = NULL",
        "DELETE FROM hub_auditseal",
    )
    with platform_scope():
        sealing.seal_batch(now=now())
    kinds = [kind for kind, _ in faults(file)]
    assert kinds == ["seal_replaced", "cut_off", "cut_off"]


def test_an_edited_seal_is_named(file: SealFile, three: list[list[UUID]]) -> None:
    tamper("UPDATE hub_auditseal SET sealed_at = sealed_at - interval '1 day' WHERE number = 1")
    assert faults(file) == [("seal_edited", None)]


def test_an_export_is_nobodys_to_write(file: SealFile, three: list[list[UUID]]) -> None:
    path = file.folder / HEADS
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([lines[0].replace('"rows":2', '"rows":3'), *lines[1:]]))
    assert ("bad_signature", None) in faults(file)
    path.write_text("".join(lines[1:]))
    assert ("export_gap", None) in faults(file)
    path.write_text("")
    assert faults(file) == [("not_exported", None)] * 3
    path.write_text("garbage\n")
    assert ("bad_export", None) in faults(file)


def test_a_foreign_key_signs_nothing(file: SealFile) -> None:
    write(1)
    seal(file)
    (key,) = file.folder.glob("*.pub")
    key.unlink()
    assert ("bad_signature", None) in faults(file)


def test_a_key_can_be_changed(file: SealFile, three: list[list[UUID]]) -> None:
    write(1)
    with platform_scope():
        sealing.seal_batch(now=now())
    with platform_scope():
        sealing.export(file, Ed25519PrivateKey.generate())
    assert len(list(file.folder.glob("*.pub"))) == 2
    assert faults(file) == []


def test_a_crash_while_exporting_is_made_good(file: SealFile, three: list[list[UUID]]) -> None:
    path = file.folder / HEADS
    path.write_bytes(path.read_bytes()[:-20])
    seal(file)
    assert faults(file) == []
    assert len(path.read_text().splitlines()) == 3


def test_nobody_of_the_application_may_edit_a_row(three: list[list[UUID]]) -> None:
    for scope in (platform_scope(), tenant_scope(uuid4())):
        with pytest.raises(ProgrammingError, match="permission denied"), scope:
            AuditRow.objects.filter(id=three[0][0]).update(actor_id="x")
    with pytest.raises(ProgrammingError, match="permission denied"), platform_scope():
        AuditSeal.objects.filter(number=1).update(hash=b"")


def test_the_command_names_the_row_and_the_tail(settings: object, file: SealFile) -> None:
    settings.SEALS = file.folder  # type: ignore[attr-defined]  # pytest-django's wrapper
    write(3)
    seal_audit()
    write(2)
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert "1 seals" in out.getvalue()
    assert "2 rows wait for a seal" in out.getvalue()
    assert "every sealed row is as it was" in out.getvalue()
    tamper("UPDATE hub_auditrow SET action = 'other' WHERE seal_number = 1")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_audit", stdout=out)
    assert ended.value.code == 1
    assert out.getvalue().count("row_edited") == 3
