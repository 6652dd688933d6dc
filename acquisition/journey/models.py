"""Borrowers, their applications, and the one-time codes that prove a telephone number."""

import hmac
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID, uuid4

import msgspec
from django.db import models

from acquisition.journey.answers import Draft
from acquisition.journey.errors import Blocked
from acquisition.journey.flows import APPLICATION
from hub.crypto import DataKey, blind_index, blind_indexes
from hub.db.quick import append, run, write
from hub.ids import uuid7
from hub.key_columns import Indexed


class Borrower(models.Model):
    """A person whose telephone number was proved. One number is one borrower within one world."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sandbox_id = models.UUIDField(null=True, editable=False)
    person = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+", editable=False)
    phone_index = models.BinaryField(null=True, editable=False)
    phone_sealed = models.BinaryField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sandbox_id", "phone_index"], name="journey_borrower_phone", nulls_distinct=False,
                condition=models.Q(phone_index__isnull=False),
            ),
            models.UniqueConstraint(fields=["person"], name="journey_borrower_person"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"borrower {self.id}"

    @classmethod
    def enrol(cls, *, sandbox_id: UUID | None, person: DataKey, phone: str, now: datetime) -> Self:
        """Make the borrower of a number that was proved."""
        made = cls(
            id=uuid7(), sandbox_id=sandbox_id, person=person, phone_index=phone_index(sandbox_id, phone), created_at=now
        )
        made.phone_sealed = person.seal(phone.encode(), place=made.place)
        append(made)
        return made

    @property
    def place(self) -> str:
        """Where the sealed number belongs."""
        return f"journey_borrower|phone_sealed|{self.id}"

    def phone(self) -> str:
        """Return the number; `Erased` where the person was."""
        return self.person.open(bytes(self.phone_sealed or b""), place=self.place).decode()

    def forget(self) -> None:
        """Drop the number of an erased person, its index too: it may be another person's tomorrow. Safe to repeat."""
        self.phone_index = self.phone_sealed = None
        self.save(update_fields=["phone_index", "phone_sealed"])


class Application(models.Model):
    """One person's request for a loan, until the lenders' case takes over. Its answers are sealed."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sandbox_id = models.UUIDField(null=True, editable=False)
    state = models.CharField(max_length=10, choices=APPLICATION.choices(), default=APPLICATION.first, editable=False)
    language = models.CharField(max_length=10, editable=False)
    person = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+", editable=False)
    borrower = models.ForeignKey(Borrower, null=True, on_delete=models.PROTECT, related_name="+", editable=False)
    sealed = models.BinaryField(editable=False)
    phone_index = models.BinaryField(null=True, editable=False)
    phone_sealed = models.BinaryField(null=True, editable=False)
    consent_version = models.CharField(max_length=60, blank=True, editable=False)
    consented_at = models.DateTimeField(null=True, editable=False)
    consent_id = models.UUIDField(null=True, editable=False)
    hard_version = models.CharField(max_length=60, blank=True, default="", db_default="", editable=False)
    decision_id = models.UUIDField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)
    changed_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                name="journey_application_consent_whole",
                condition=models.Q(consent_version="", consented_at__isnull=True)
                | ~models.Q(consent_version="") & models.Q(consented_at__isnull=False),
            ),
            models.CheckConstraint(
                name="journey_application_decided_by_record",
                condition=models.Q(state="draft")
                | models.Q(borrower__isnull=False, consent_id__isnull=False, decision_id__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["borrower", "created_at"], name="journey_application_borrower")]

    def __str__(self) -> str:
        return f"application {self.id}"

    @classmethod
    def start(cls, *, sandbox_id: UUID | None, language: str, now: datetime) -> Self:
        """Make an empty draft of somebody whom nobody knows yet, under a key of its own."""
        person = DataKey.objects.for_reference(institution_id=None, kind=DataKey.PERSON, reference=uuid4().hex)
        made = cls(id=uuid7(), sandbox_id=sandbox_id, language=language, person=person, created_at=now, changed_at=now)
        made.sealed = made._seal(Draft())
        append(made)
        return made

    def draft(self) -> Draft:
        """Open the answers; `Erased` where the person was."""
        return msgspec.json.decode(self.person.open(bytes(self.sealed), place=self._place("sealed")), type=Draft)

    def pending_phone(self) -> str:
        """Return the number that a code was last asked for, "" before that."""
        if self.phone_sealed is None:
            return ""
        return self.person.open(bytes(self.phone_sealed), place=self._place("phone_sealed")).decode()

    def keep_draft(self, draft: Draft, *, language: str, now: datetime) -> None:
        """Write the answers."""
        self.sealed, self.language, self.changed_at = self._seal(draft), language, now
        write(self, "sealed", "language", "changed_at")

    def keep_name(self, name: str, *, now: datetime) -> None:
        """Write the name that the borrower gave a lender."""
        self.keep_draft(msgspec.structs.replace(self.draft(), name=name), language=self.language, now=now)

    def keep_consent(self, *, version: str, now: datetime) -> None:
        """Note that the borrower agreed to be scored, and to which text."""
        self.consent_version, self.consented_at, self.changed_at = version, now, now
        write(self, "consent_version", "consented_at", "changed_at")

    def keep_hard_consent(self, *, version: str, now: datetime) -> None:
        """Note that the borrower agreed to inquiries which other lenders can see."""
        self.hard_version, self.changed_at = version, now
        write(self, "hard_version", "changed_at")

    def keep_phone(self, phone: str, *, now: datetime) -> None:
        """Note the number that is to be proved."""
        self.phone_index, self.changed_at = phone_index(self.sandbox_id, phone), now
        self.phone_sealed = self.person.seal(phone.encode(), place=self._place("phone_sealed"))
        write(self, "phone_index", "phone_sealed", "changed_at")

    def belong_to(self, borrower: Borrower, *, consent_id: UUID, now: datetime) -> None:
        """Give the draft to the person who proved the number: what was sealed so far is sealed anew under his key."""
        draft, before = self.draft(), self.person
        self.borrower, self.person, self.consent_id, self.changed_at = borrower, borrower.person, consent_id, now
        self.sealed, self.phone_index, self.phone_sealed = self._seal(draft), None, None
        write(
            self, "borrower_id", "person_id", "consent_id", "changed_at", "sealed", "phone_index", "phone_sealed"
        )  # fmt: skip
        if before.id != self.person_id:
            before.erase(now=now)

    def decide(self, state: str, draft: Draft, *, decision_id: UUID, now: datetime) -> None:
        """End the draft: matched with lenders, or declined."""
        APPLICATION.check(self.state, state)
        self.state, self.decision_id, self.changed_at, self.sealed = state, decision_id, now, self._seal(draft)
        write(self, "state", "decision_id", "changed_at", "sealed")

    def check_draft(self) -> None:
        """Raise `Blocked` where the application was sent off already."""
        if self.state != APPLICATION.first:
            raise Blocked(Blocked.SENT, "This application was sent already: its answers stay as they are.")

    def _seal(self, draft: Draft) -> bytes:
        return self.person.seal(msgspec.json.encode(draft), place=self._place("sealed"))

    def _place(self, column: str) -> str:
        return f"journey_application|{column}|{self.id}"


class OneTimeCode(models.Model):
    """A code that was sent to a number: kept as a keyed hash, good for a few minutes, a few guesses, and once."""

    ATTEMPTS_MAX: ClassVar[int] = 5

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="codes", editable=False)
    phone_index = models.BinaryField(editable=False)
    digest = models.BinaryField(editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    sent_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="journey_onetimecode_attempts", condition=models.Q(attempts__lte=5)),
        ]
        indexes = [models.Index(fields=["phone_index", "sent_at"], name="journey_onetimecode_limit")]

    def __str__(self) -> str:
        return f"code {self.id}"

    @classmethod
    def issue(cls, *, application: Application, index: bytes, digits: str, now: datetime, expires_at: datetime) -> Self:
        """Keep a code that is about to be sent."""
        made = cls(id=uuid7(), application=application, phone_index=index, sent_at=now, expires_at=expires_at)
        made.digest = blind_index(made._purpose, digits)
        append(made)
        return made

    def guess(self, digits: str, *, now: datetime) -> bool:
        """Count an attempt and tell whether it is the code; False as well where it is used up, spent or too old.

        The count is a conditional write: guesses that meet are counted one by one.
        """
        rows = type(self).objects.filter(id=self.id, used_at=None, expires_at__gt=now)
        counted = rows.filter(attempts__lt=self.ATTEMPTS_MAX).update(attempts=models.F("attempts") + 1)
        if not counted or not any(hmac.compare_digest(bytes(self.digest), form) for form in self._digests(digits)):
            return False
        return bool(rows.update(used_at=now))

    @classmethod
    def forget(cls, borrower: Borrower) -> None:
        """Drop the index of every number that codes for an erased person's applications went to. Safe to repeat."""
        cls.objects.filter(application__borrower=borrower).update(phone_index=b"")

    def _digests(self, digits: str) -> tuple[bytes, ...]:
        # Six digits could be tried out: the key of the hash lies outside the database.
        return blind_indexes(self._purpose, digits)

    @property
    def _purpose(self) -> str:
        return f"one-time code|{self.id}"


class CodeCount(models.Model):
    """How many codes one hour or day has seen: of a block of numbers, from an address, in all. Never over its cap."""

    scope = models.CharField(max_length=20, editable=False)
    place = models.BinaryField(editable=False)
    starts_at = models.DateTimeField(editable=False)
    used = models.PositiveIntegerField(editable=False)
    cap = models.PositiveIntegerField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["scope", "place", "starts_at"], name="journey_codecount_window"),
            models.CheckConstraint(name="journey_codecount_cap", condition=models.Q(used__lte=models.F("cap"))),
        ]

    def __str__(self) -> str:
        return f"{self.scope} from {self.starts_at}"

    @classmethod
    def take(cls, *, scope: str, place: str, starts_at: datetime, cap: int) -> bool:
        """Count one code; False where the cap is reached. One conditional write: those that meet wait for each other.

        `place` (a part of a number, an address) is kept as a blind index.
        """
        if cap < 1:
            return False
        index = blind_index(f"codes|{scope}", place)
        return bool(run(_TAKE, (scope, index, starts_at, cap)))

    @classmethod
    def forget_before(cls, moment: datetime) -> None:
        """Delete what began before a moment."""
        cls.objects.filter(starts_at__lt=moment).delete()


_TAKE = (
    "INSERT INTO journey_codecount AS known (scope, place, starts_at, used, cap) VALUES (%s, %s, %s, 1, %s) "
    "ON CONFLICT (scope, place, starts_at) DO UPDATE SET used = known.used + 1, cap = EXCLUDED.cap "
    "WHERE known.used < EXCLUDED.cap RETURNING used"
)
INDEXED = tuple(
    Indexed(table, "phone_index") for table in ("journey_borrower", "journey_application", "journey_onetimecode")
)


def phone_index(sandbox_id: UUID | None, phone: str) -> bytes:
    """Return under what a number is kept within one world."""
    return blind_index(_world(sandbox_id), phone)


def phone_indexes(sandbox_id: UUID | None, phone: str) -> tuple[bytes, ...]:
    """Return by what a number is found within one world."""
    return blind_indexes(_world(sandbox_id), phone)


def _world(sandbox_id: UUID | None) -> str:
    return f"phone|{sandbox_id or ''}"
