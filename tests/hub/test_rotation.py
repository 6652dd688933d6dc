"""A new master key and a new index key take over everything that the old one has made; then the old one is nothing."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt, encrypt
from django.apps import apps
from django.conf import LazySettings
from django.core.management import call_command
from django.db.models import BinaryField

from acquisition.journey import services as journey
from acquisition.journey.models import Borrower
from hub import consent, erasure, idempotency, rotation
from hub.audit import AuditRow, system_actor
from hub.clock import now
from hub.crypto import DataKey
from hub.db.quick import ask
from hub.errors import Conflict, Erased, TooMany
from hub.keyrings import SealBroken, seal
from hub.models import ConsentEntry, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from hub.vault import Secrets
from partners.delivery import services as delivery
from partners.delivery.models import WebhookSecret
from partners.loans import bulk
from partners.loans.bulk import ControlTotals
from partners.loans.models import PerformanceBatch
from tests import people
from tests.acquisition.journey import borrowers
from tests.factories import make_institution

ACTOR = system_actor("test")
pytestmark = pytest.mark.django_db
OLD, NEW = (base64.urlsafe_b64encode(bytes([n]) * 32).decode() for n in (1, 2))
# Sealed under the data key of a person, a book or a loan's label: that one is wrapped anew, and stays what it is.
DATA_KEYED = {
    "journey_application.phone_sealed", "journey_application.sealed", "journey_borrower.phone_sealed",
    "learning_labelentry.sealed", "learning_outcomeentry.sealed", "referrals_case.sealed",
    "referrals_contract.sealed_name", "referrals_referral.package", "scoring_decision.sealed",
    "scoring_inquiry.sealed",
    "scoring_decisionreview.extension", "scoring_decisionreview.statement", "scoring_decisionreview.verdict",
}  # fmt: skip
# No value of a key, or of one that is deleted within days: the digest of a one-time code, counts of codes.
OTHERWISE = {
    "delivery_delivery.body", "hub_auditseal.hash", "hub_auditseal.leaves", "hub_auditseal.previous",
    "hub_usedproof.digest", "hub_idempotencykey.fingerprint", "institutions_usedassertion.digest",
    "journey_codecount.place", "journey_onetimecode.digest", "learning_trainingcheckpoint.payload",
    "referrals_catalogue.document", "scoring_batchline.problems", "scoring_modelversion.artefact",
    "scoring_policymatrix.document",
}  # fmt: skip


@pytest.fixture
def keys(settings: LazySettings) -> Callable[..., None]:
    """Let the platform run with other secrets from here on."""

    def change(**changes: Any) -> None:
        plain = Secrets(secret_key="s" * 50, master_key=OLD, index_key=OLD, seal_key=OLD)
        settings.SECRETS = replace(plain, **changes)

    change()
    return change


def run(command: str, *words: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command(command, *words, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


# --- the master key ---------------------------------------------------------------------------------------------------


class Sealed:
    """One value of every kind that the master key seals, made by the services, and how each is read."""

    def __init__(self) -> None:
        self.bank = make_institution()
        with tenant_scope(self.bank.id):
            self.person = DataKey.objects.for_reference(
                institution_id=self.bank.id, kind=DataKey.PERSON, reference="customer-1"
            )
            self.note = self.person.seal(b"note", place="p")
            self.slot("k").settle(*ask(*self.slot("k").questions), now=now(), effect=lambda: answer)
            made, self.secret = delivery.register_endpoint(
                institution_id=self.bank.id, url="http://localhost:9000/", actor=ACTOR, now=now()
            )
            self.batch = bulk.receive(
                institution_id=self.bank.id, content=b'{"loan_id": "x"}\n', format_="ndjson", totals=ControlTotals(),
                actor=ACTOR, now=now(),
            )  # fmt: skip
        someone = people.make("a@b.example")
        with platform_scope():
            self.factor = Authenticator.objects.create(
                user_id=someone.id, type="totp", data={"secret": encrypt("S" * 32), "other": 1}
            )
            self.codes = Authenticator.objects.create(
                user_id=someone.id, type="recovery_codes", data={"seed": encrypt("T" * 40), "used_mask": 3}
            )
        self.endpoint = made.id

    def slot(self, key: str) -> idempotency.Slot:
        return idempotency.Slot.of(institution_id=self.bank.id, client_id="c", operation="o", key=key, payload=b"")

    def read(self) -> list[Any]:
        with tenant_scope(self.bank.id):
            kept = self.slot("k").settle(*ask(*self.slot("k").questions), now=now(), effect=lambda: answer)
            person = DataKey.objects.get(id=self.person.id)
            note = person.open(self.note, place="p")
        with platform_scope():
            secret = WebhookSecret.objects.get(endpoint_id=self.endpoint).reveal()
            text = PerformanceBatch.objects.get(id=self.batch.id).text
            factor = Authenticator.objects.get(id=self.factor.id).data
            codes = Authenticator.objects.get(id=self.codes.id).data
        return [
            note, kept.body, kept.replayed, secret == self.secret, text, decrypt(factor["secret"]), factor["other"],
            decrypt(codes["seed"]), codes["used_mask"],
        ]  # fmt: skip


answer = idempotency.Answer(201, {}, b"body")
READ = [b"note", b"body", True, True, b'{"loan_id": "x"}\n', "S" * 32, 1, "T" * 40, 3]
KINDS = 6


@pytest.mark.fault("F33")
def test_a_new_master_key_takes_over_everything_and_the_old_one_dies(keys: Callable[..., None]) -> None:
    sealed = Sealed()
    keys(master_keys_also=(NEW,))  # known before it seals
    assert sealed.read() == READ
    keys(master_key=NEW, master_keys_also=(OLD,))
    assert sealed.read() == READ
    code, said, progress = run("rotate_master_key", "--check")
    assert (code, said.count(" 0 left"), progress) == (1, 0, "")
    code, said, progress = run("rotate_master_key")
    assert (code, said.count(" 0 left")) == (0, KINDS)
    assert "hub_datakey.wrapped: 1 done" in progress
    assert "LUOPAN_MASTER_KEYS_ALSO may be emptied" in said
    assert sealed.read() == READ
    keys(master_key=NEW)
    assert sealed.read() == READ
    assert run("rotate_master_key")[0] == 0
    keys(master_key=OLD)
    with pytest.raises(SealBroken):
        sealed.read()


def test_values_of_the_layout_without_a_key_name_are_read_and_taken_over(keys: Callable[..., None]) -> None:
    with tenant_scope(bank := uuid4()):
        person = DataKey.objects.for_reference(institution_id=bank, kind=DataKey.PERSON, reference="x")
        plain, note = person._key(), person.seal(b"note", place="p")
    with platform_scope():
        bare = seal(bytes([1]) * 32, plain, place=f"hub_datakey|wrapped|{person.id}")
        DataKey.objects.filter(id=person.id).update(wrapped=bare)
    for ring in ({}, {"master_key": NEW, "master_keys_also": (OLD,)}):
        keys(**ring)
        with platform_scope():
            assert DataKey.objects.get(id=person.id).open(note, place="p") == b"note"
    assert run("rotate_master_key")[0] == 0
    keys(master_key=NEW)
    with platform_scope():
        assert DataKey.objects.get(id=person.id).open(note, place="p") == b"note"


def test_a_rotation_that_was_broken_off_is_finished_by_the_next(
    keys: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    ids = [_person(f"p{n}") for n in range(5)]
    keys(master_key=NEW, master_keys_also=(OLD,))

    def stop(said: str) -> None:
        raise KeyboardInterrupt(said)

    with pytest.raises(KeyboardInterrupt, match=r"hub_datakey\.wrapped: 2 done"):
        list(rotation.rotate(kind=rotation.MASTER, scope=platform_scope, clock=now, actor=ACTOR, say=stop))
    assert _left(rotation.MASTER)["hub_datakey.wrapped"] == 3
    code, said, _ = run("rotate_master_key")
    assert code == 0
    assert "hub_datakey.wrapped: 3 renewed, 0 left" in said
    assert "hub_datakey.wrapped: 0 renewed, 0 left" in run("rotate_master_key")[1]
    with platform_scope():
        events = list(OutboxEvent.objects.filter(type="key.rotated").order_by("id").values_list("payload", flat=True))
        audited = AuditRow.objects.filter(action="key.rotated").count()
    assert [one["rows"] for one in events] == [2, 2, 1]
    first = ",".join(map(str, sorted(ids)[:2]))
    assert events[0]["digest"] == hashlib.sha256(first.encode()).hexdigest()
    assert audited == 3


def test_what_no_known_key_opens_is_named_and_stays(keys: Callable[..., None]) -> None:
    person_id = _person("x")
    keys(master_key=NEW)
    code, said, _ = run("rotate_master_key")
    assert code == 1
    assert f"hub_datakey.wrapped: 0 renewed, 1 left, no known key opens {person_id}" in said
    assert "keep LUOPAN_MASTER_KEYS_ALSO as it is" in said


def test_who_was_erased_stays_erased(keys: Callable[..., None]) -> None:
    person_id = _person("x")
    with platform_scope():
        erasure.erase_person(person_id=person_id, actor=ACTOR, now=now())
    keys(master_key=NEW, master_keys_also=(OLD,))
    assert run("rotate_master_key")[0] == 0
    with platform_scope(), pytest.raises(Erased):
        DataKey.objects.get(id=person_id).seal(b"x", place="p")


def _person(reference: str) -> UUID:
    with platform_scope():
        return DataKey.objects.for_reference(institution_id=None, kind=DataKey.PERSON, reference=reference).id


def _left(kind: str) -> dict[str, int]:
    return {one.column: one.left for one in rotation.look(kind=kind, scope=platform_scope)}


# --- the index key ----------------------------------------------------------------------------------------------------

BOTH = f"{OLD}.{NEW}"


def _claim(bank: UUID, **changed: Any) -> consent.Claim:
    return consent.Claim(bank, "consent-1", consent.CREDIT_SCORING, consent.PLATFORM, "1", now(), **changed)


def _known(bank: UUID) -> tuple[UUID, UUID]:
    """Return the person and the consent that the bank's references lead to; made at the first call."""
    with tenant_scope(bank):
        person = DataKey.objects.for_reference(institution_id=bank, kind=DataKey.PERSON, reference="customer-1")
        return person.id, consent.require(claim=_claim(bank), person=person, actor=ACTOR, now=now())


@pytest.mark.fault("F33")
def test_a_new_index_key_finds_what_the_old_one_has_made(keys: Callable[..., None]) -> None:
    before, between = uuid4(), uuid4()
    first = _known(before)
    keys(index_keys_also=(BOTH,))
    assert _known(before) == first
    second = _known(between)
    keys(index_key=BOTH, index_keys_also=(OLD,))
    assert (_known(before), _known(between)) == (first, second)
    third = _known(after := uuid4())
    code, said, _ = run("rotate_index_key")
    assert code == 0
    assert "hub_datakey.reference_index: 2 renewed, 0 left" in said
    assert "hub_consententry.reference_index: 2 renewed, 0 left" in said
    keys(index_key=BOTH)
    assert (_known(before), _known(between), _known(after)) == (first, second, third)
    with platform_scope():
        assert {len(bytes(row.reference_index)) for row in DataKey.objects.all()} == {36}
        assert ConsentEntry.objects.count() == 3
    keys(index_key=NEW)  # the last link alone leads nowhere, and neither does the first
    assert _known(before) != first
    keys(index_key=OLD)
    assert _known(between) != second


def test_a_withdrawn_consent_stays_withdrawn(keys: Callable[..., None]) -> None:
    bank = uuid4()
    person_id, given = _known(bank)
    with tenant_scope(bank):
        consent.withdraw(consent_id=given, actor=ACTOR, now=now())
    for ring in (
        {"index_keys_also": (BOTH,)}, {"index_key": BOTH, "index_keys_also": (OLD,)}, {"index_key": BOTH},
    ):  # fmt: skip
        keys(**ring)
        if "index_keys_also" not in ring:
            keys(index_key=BOTH, index_keys_also=(OLD,))
            assert run("rotate_index_key")[0] == 0
            keys(**ring)
        with tenant_scope(bank), pytest.raises(Conflict, match="withdrawn"):
            consent.require(
                claim=_claim(bank), person=DataKey.objects.get(id=person_id), actor=ACTOR, now=now()
            )  # fmt: skip


def test_kept_answers_are_found_under_either_key_until_they_are_deleted(keys: Callable[..., None]) -> None:
    bank = uuid4()

    def send() -> bool:
        slot = idempotency.Slot.of(institution_id=bank, client_id="c", operation="o", key="k", payload=b"")
        with tenant_scope(bank):
            return slot.settle(*ask(*slot.questions), now=now(), effect=lambda: answer).replayed

    assert [send(), send()] == [False, True]
    keys(index_keys_also=(BOTH,))
    assert send()
    keys(index_key=BOTH, index_keys_also=(OLD,))
    assert send()
    code, said, _ = run("rotate_index_key")
    assert code == 1
    assert "hub_idempotencykey.digest: 0 renewed, 1 left, deleted by themselves until" in said
    with platform_scope():
        idempotency.forget_old(now=now() + idempotency.KEPT)
    assert run("rotate_index_key", "--check")[0] == 0


def test_a_number_stays_one_person_and_a_code_on_its_way_counts(
    keys: Callable[..., None], django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    moment = now()

    def ask_code(minutes: int) -> UUID:
        made = borrowers.begin()
        with django_capture_on_commit_callbacks(execute=True), platform_scope():
            journey.send_code(application_id=made, phone=borrowers.PHONE, now=moment + timedelta(minutes=minutes))
        return made

    def prove(made: UUID, minutes: int) -> UUID:
        with platform_scope():
            digits, at = borrowers.code_of(made), moment + timedelta(minutes=minutes)
            return journey.prove_phone(application_id=made, digits=digits, now=at)

    first, waiting = prove(ask_code(0), 0), ask_code(1)
    keys(index_key=BOTH, index_keys_also=(OLD,))
    with platform_scope(), pytest.raises(TooMany):
        ask_too_soon = borrowers.begin()
        journey.send_code(application_id=ask_too_soon, phone=borrowers.PHONE, now=moment + timedelta(minutes=1))
    assert prove(waiting, 2) == first
    assert run("rotate_index_key")[0] == 0
    keys(index_key=BOTH)
    assert prove(ask_code(3), 3) == first
    with platform_scope():
        assert Borrower.objects.count() == 1


def test_every_column_of_bytes_is_taken_over_or_accounted_for() -> None:
    known = {str(column) for kind in (rotation.MASTER, rotation.INDEX) for column in rotation.columns(kind)}
    columns = {
        f"{model._meta.db_table}.{field.column}"
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, BinaryField)
    }
    assert columns - known == OTHERWISE | DATA_KEYED
    assert known - columns == {"mfa_authenticator.data->secret", "mfa_authenticator.data->seed"}
