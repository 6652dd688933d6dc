"""Applications and borrowers: what is kept, sealed, given to a person, forgotten."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from acquisition.journey import answers, services
from acquisition.journey.answers import Answers, Draft
from acquisition.journey.errors import Blocked
from acquisition.journey.models import Application, Borrower, OneTimeCode
from hub import consent, erasure
from hub.audit import AuditRow, system_actor
from hub.clock import now
from hub.crypto import DataKey
from hub.errors import Invalid, NotFound
from hub.tenancy import platform_scope
from tests.acquisition.journey import borrowers
from tests.factories import make_institution

pytestmark = pytest.mark.django_db(transaction=True)


def test_answers_are_sealed() -> None:
    made = borrowers.begin()
    borrowers.answer(made, borrowers.GOOD)
    with platform_scope():
        row = Application.objects.get(id=made)
        assert row.draft().answers.monthly_income == 45_000
        assert b"45000" not in bytes(row.sealed)
        assert row.draft().missing() == []


def test_an_answer_outside_the_limits_changes_nothing() -> None:
    made = borrowers.begin()
    refused: list[tuple[str, dict[str, Any], str]] = [
        ("amount", {"amount": 4_999, "term": 24}, "amount"),
        ("amount", {"amount": 10_000, "term": 25}, "term"),
        ("amount", {"amount": None, "term": 24}, "amount"),
        ("amount", {"amount": 10_000, "term": 24, "purpose": "tax"}, "purpose"),
        ("work", {"employment": "pirate", "employment_years": 1.0}, "employment"),
        ("history", {"open_accounts": -1, "inquiries_6m": 0, "delinquencies_24m": 0}, "open_accounts"),
    ]
    for step, given, field in refused:
        with platform_scope(), pytest.raises(Invalid) as refusal:
            services.save_answers(application_id=made, step=step, answers=given, language="en", now=now())
        assert [one.pointer for one in refusal.value.errors] == [f"/{field}"]
    with platform_scope():
        assert Application.objects.get(id=made).draft() == Draft()


def test_nothing_is_kept_before_the_consent() -> None:
    made = borrowers.begin(consent=False)
    with platform_scope(), pytest.raises(Blocked) as refusal:
        services.save_answers(application_id=made, step="purpose", answers={"purpose": "tax"}, language="en", now=now())
    assert refusal.value.reason == Blocked.STEP_FIRST
    with platform_scope(), pytest.raises(Blocked):
        services.send_code(application_id=made, phone=borrowers.PHONE, now=now())


def test_features_are_those_of_the_model() -> None:
    told = {name: borrowers.GOOD[name] for name in Answers.__struct_fields__}
    features = answers.features(Answers(**told))
    assert features == {
        "amount": 60_000.0, "term": 24.0, "purpose": "tax", "employment": "salaried", "employment_years": 9.5,
        "housing": "mortgage", "monthly_income": 45_000.0, "existing_debt": 10_000.0, "debt_service": 4.4,
        "card_utilisation": 12.0, "open_accounts": 3.0, "history_months": 160.0, "inquiries_6m": 0.0,
        "delinquencies_24m": 0.0,
    }  # fmt: skip


def test_the_consent_reaches_the_ledger_with_its_text_once_the_person_is_known() -> None:
    made = borrowers.begin()
    borrowers.prove(made)
    with platform_scope():
        row = Application.objects.get(id=made)
        assert row.consent_id is not None
        given = consent.proof(consent_id=row.consent_id)
    assert (given.purpose, given.recipient, given.text_version) == ("credit_scoring", "luopan", "scoring-3/en")


def test_one_number_is_one_person_and_its_drafts_are_sealed_under_his_key() -> None:
    first, second = borrowers.begin(), borrowers.begin()
    borrowers.answer(second, borrowers.GOOD)
    with platform_scope():
        before = Application.objects.get(id=second).person_id
    assert borrowers.prove(first) == _later(second)
    with platform_scope():
        one, two = (Application.objects.get(id=made) for made in (first, second))
        assert one.person_id == two.person_id != before
        assert two.draft().answers.amount == 60_000
        assert DataKey.objects.get(id=before).erased_at is not None
        assert Borrower.objects.get().phone() == borrowers.PHONE
        assert two.phone_sealed is None


def _later(application_id: object) -> object:
    """Prove the same number half a minute later."""
    with platform_scope():
        for code in OneTimeCode.objects.all():
            OneTimeCode.objects.filter(id=code.id).update(sent_at=code.sent_at - timedelta(minutes=1))
    return borrowers.prove(application_id)  # type: ignore[arg-type]  # as given


def test_the_same_number_is_another_person_in_another_world() -> None:
    live = borrowers.prove(borrowers.begin())
    assert live != borrowers.prove(borrowers.begin(sandbox_id=make_institution().id))
    with platform_scope():
        assert Borrower.objects.count() == 2


def test_only_sandboxes_have_a_world_of_their_own() -> None:
    for stranger in (uuid4(), make_institution(sandbox=False).id):
        with platform_scope(), pytest.raises(NotFound):
            services.start_application(sandbox_id=stranger, language="en", now=now())
    with platform_scope():
        assert Application.objects.count() == 0


def test_an_erased_person_leaves_the_number_free() -> None:
    made = borrowers.begin()
    borrower_id = borrowers.prove(made)
    with platform_scope():
        person_id = Application.objects.get(id=made).person_id
        erasure.erase_person(person_id=person_id, actor=system_actor("tests"), now=now())
        services.forget_person(person_id=person_id)
        services.forget_person(person_id=person_id)
        gone = Borrower.objects.get(id=borrower_id)
        assert (gone.phone_index, gone.phone_sealed) == (None, None)
        assert bytes(OneTimeCode.objects.get().phone_index) == b"", "who has the number finds nothing of him by it"
        with pytest.raises(NotFound):
            services.send_resume_code(application_id=made, now=now())
    assert _later(borrowers.begin()) != borrower_id


def test_every_change_has_its_audit_row_without_the_number() -> None:
    made = borrowers.begin()
    borrowers.prove(made)
    with platform_scope():
        rows = list(AuditRow.objects.filter(subject_id=str(made)).order_by("id"))
    assert [row.action for row in rows] == ["application.started", "application.proved"]
    assert {row.actor_kind for row in rows} == {"person"}
    assert borrowers.PHONE not in str([row.details for row in rows])


def test_the_database_holds_the_flow() -> None:
    made = borrowers.begin()
    with platform_scope(), pytest.raises(IntegrityError, match="decided_by_record"), transaction.atomic():
        Application.objects.filter(id=made).update(state="matched")
    with platform_scope(), pytest.raises(IntegrityError, match="starts as draft"), transaction.atomic():
        row = Application.objects.get(id=made)
        row.pk, row.state = uuid4(), "declined"
        row.save(force_insert=True)


def test_no_tenant_reads_any_of_it() -> None:
    with platform_scope(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM information_schema.role_table_grants"
            " WHERE grantee = 'luopan_tenant' AND table_name LIKE 'journey%'"
        )
        assert cursor.fetchone() == (0,)
