"""Keys and consents of many persons at once are as those of one at a time: same rows, same refusals."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from psycopg.errors import InsufficientPrivilege

from hub import audit, consent, erasure, persons
from hub.clock import now
from hub.consents import Ledger
from hub.crypto import DataKey, written
from hub.db.columns import Cells, _CellsDumper, blobs, decimals, insert_columns, moments, numbers, texts, uuids
from hub.errors import Conflict, DomainError, Invalid
from hub.ids import uuid7_texts
from hub.models import ConsentEntry
from hub.tenancy import platform_scope, tenant_scope

BANK = uuid4()
ACTOR = audit.client_actor("bank")
pytestmark = pytest.mark.django_db


def read_back(cells: Cells) -> list[Any]:
    with platform_scope(), connection.cursor() as cursor:
        cursor.adapters.register_dumper(Cells, _CellsDumper)
        cursor.execute(f"SELECT unnest(%s::{cells.type}[])", cast(Any, [cells]))
        return [value for (value,) in cursor.fetchall()]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (decimals(np.array([0, 1, 21_350, 999_999, 1_000_000], dtype=np.int64)),
         [Decimal(text) for text in ("0.000000", "0.000001", "0.021350", "0.999999", "1.000000")]),
        (numbers([-(2**40), 0, 7]), [-(2**40), 0, 7]),
        (texts(["", "羅盤"]), ["", "羅盤"]),
        (blobs([b"", b"\0\xff"]), [b"", b"\0\xff"]),
        (moments([None, datetime(1999, 1, 2, 3, 4, 5, 6, UTC), datetime(2150, 1, 1, tzinfo=UTC)]),
         [None, datetime(1999, 1, 2, 3, 4, 5, 6, UTC), datetime(2150, 1, 1, tzinfo=UTC)]),
        (uuids([str(BANK)]), [BANK]),
        (texts([]), []),
    ],
)  # fmt: skip
def test_columns_arrive_as_they_were(made: Cells, expected: list[Any]) -> None:
    assert read_back(made) == expected


def test_ids_in_a_row_ascend_and_are_of_version_7() -> None:
    made = [UUID(text) for text in uuid7_texts(500)]
    assert made == sorted(made)
    assert len(set(made)) == 500
    assert {one.version for one in made} == {7}


def people(*given: str) -> list[persons.Person]:
    with tenant_scope(BANK):
        found = persons.find_or_make(BANK, persons.references(BANK, given))
        persons.write_new(BANK, found, now=now())
    return found


def test_a_key_is_made_once_and_opens_what_it_sealed() -> None:
    with tenant_scope(BANK):
        before = DataKey.objects.for_reference(institution_id=BANK, kind="person", reference="p-2")
    first = people("p-1", "p-2", " P-1 ")
    assert first[0] is first[2]
    assert [one.is_new for one in first] == [True, False, True]
    assert first[1].id == str(before.id)
    assert [one.id for one in people("p-2", "p-1")] == [first[1].id, first[0].id]
    sealed = [one.seal(b"secret", place="here") for one in first[:2]]
    with tenant_scope(BANK):
        keys = DataKey.objects.in_bulk([one.id for one in first[:2]])
        assert len(keys) == DataKey.objects.count() == 2
        assert [keys[UUID(one.id)].open(text, place="here") for one, text in zip(first, sealed, strict=False)] == [
            b"secret", b"secret",
        ]  # fmt: skip


def test_an_erased_person_is_told() -> None:
    [made] = people("p-1")
    with platform_scope():
        erasure.erase_person(person_id=UUID(made.id), actor=ACTOR, now=now())
    assert [(one.erased, one.is_new) for one in people("p-1", "p-2")] == [(True, False), (False, True)]


def test_no_key_of_another_institution_is_seen_or_written() -> None:
    people("p-1")
    with tenant_scope(uuid4()):
        assert persons.find_or_make(BANK, persons.references(BANK, ["p-1"]))[0].is_new  # its own are hidden
    with pytest.raises(DatabaseError) as caught, tenant_scope(uuid4()), transaction.atomic():
        cells = {"id": uuids([str(uuid4())]), "reference_index": blobs([b"1"]), "wrapped": blobs([b"2"])}
        insert_columns(DataKey, cells, institution_id=BANK, kind="person", created_at=now(), erased_at=None)
    assert isinstance(caught.value.__cause__, InsufficientPrivilege)


def test_who_is_second_to_make_a_key_is_told_so() -> None:
    with tenant_scope(BANK):
        found = persons.find_or_make(BANK, persons.references(BANK, ["p-1"]))
    people("p-1")
    with pytest.raises(IntegrityError), tenant_scope(BANK), transaction.atomic():
        persons.write_new(BANK, found, now=now())


CLAIM = consent.Claim(BANK, "c-1", consent.CREDIT_SCORING, "institution", "2026-01", datetime(2026, 1, 1, tzinfo=UTC))
SOON = datetime(2026, 1, 2, tzinfo=UTC)


def ask(*claims: tuple[consent.Claim, str]) -> list[str]:
    """What the ledger answers to each: a consent's id, or the code and pointer of a refusal."""
    with tenant_scope(BANK):
        ledger, found = Ledger(BANK, [claim.forms for claim, _ in claims], now=now()), []
        for claim, person_id in claims:
            try:
                found.append(ledger.require(claim, claim.forms, person_id))
            except DomainError as error:
                found.append(f"{error.code} {error.errors[0].code if error.errors else error.detail}")
        ledger.write_new()
    return found


def alone(claim: consent.Claim, person_id: str) -> str:
    """What `hub.consent.require` answers."""
    with tenant_scope(BANK), transaction.atomic():
        try:
            person = DataKey.objects.get(id=person_id)
            return str(consent.require(claim=claim, person=person, actor=ACTOR, now=now()))
        except (Conflict, Invalid) as error:
            return f"{error.code} {error.errors[0].code if error.errors else error.detail}"


def test_the_first_mention_records_a_consent_and_the_next_ones_find_it() -> None:
    one, other = (person.id for person in people("p-1", "p-2"))
    first = ask((CLAIM, one), (CLAIM, one), (CLAIM, other))
    assert first[0] == first[1] == alone(CLAIM, one)
    assert first[2] == alone(CLAIM, other) == "conflict This consent reference was given by another person."
    with tenant_scope(BANK):
        [row] = ConsentEntry.objects.all()
    assert (str(row.id), str(row.consent_id), str(row.person_id)) == (first[0], first[0], one)
    assert (row.state, row.purpose, row.recipient, row.text_version) == (
        "given", "credit_scoring", "institution", "2026-01",
    )  # fmt: skip
    assert (row.at, row.expires_at, bytes(row.reference_index)) == (CLAIM.given_at, None, written(CLAIM.forms))


@pytest.mark.parametrize(
    "claim",
    [
        replace(CLAIM, given_at=datetime(2150, 1, 1, tzinfo=UTC)),
        replace(CLAIM, expires_at=CLAIM.given_at),
        replace(CLAIM, expires_at=SOON),
    ],
)
def test_a_senseless_or_expired_claim_is_refused_as_alone_and_leaves_nothing(claim: consent.Claim) -> None:
    one = people("p-1")[0].id
    [refused] = ask((claim, one))
    with tenant_scope(BANK):
        assert not ConsentEntry.objects.exists()
    assert refused == alone(claim, one)
    assert refused.split()[0] in ("conflict", "invalid_request")


def test_another_text_and_a_withdrawal_are_refused_as_alone() -> None:
    one = people("p-1")[0].id
    [consent_id] = ask((CLAIM, one))
    changed = replace(CLAIM, text_version="2026-02")
    assert (
        ask((changed, one))
        == [alone(changed, one)]
        == ["conflict This consent reference was recorded with another purpose, recipient or text version."]
    )
    with platform_scope():
        consent.withdraw(consent_id=UUID(consent_id), actor=ACTOR, now=now() + timedelta(0))
    assert ask((CLAIM, one)) == [alone(CLAIM, one)] == ["conflict This consent was withdrawn: a new one is needed."]
