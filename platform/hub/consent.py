"""The consent ledger: one purpose, one recipient, one text version; given, withdrawn, expired. Rows are only added."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models

from hub import outbox
from hub.audit import Actor
from hub.crypto import DataKey, blind_index
from hub.db.quick import fetch
from hub.errors import Conflict, FieldError, Invalid
from hub.events import ConsentGiven, ConsentWithdrawn
from hub.ids import uuid7

PURPOSES = ("credit_scoring",)


class ConsentEntry(models.Model):
    """A person's consent, or its withdrawal: the newest entry of a reference says what holds."""

    GIVEN: ClassVar[str] = "given"
    WITHDRAWN: ClassVar[str] = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    consent_id = models.UUIDField(editable=False)
    institution_id = models.UUIDField(editable=False)
    person = models.ForeignKey(DataKey, on_delete=models.PROTECT, editable=False)
    state = models.CharField(max_length=10, choices=[(GIVEN, GIVEN), (WITHDRAWN, WITHDRAWN)], editable=False)
    purpose = models.CharField(max_length=40, editable=False)
    recipient = models.CharField(max_length=120, editable=False)
    text_version = models.CharField(max_length=60, editable=False)
    reference_index = models.BinaryField(editable=False)
    at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)
    recorded_at = models.DateTimeField(editable=False)

    class Meta:
        verbose_name_plural = "consent entries"
        constraints = [
            models.UniqueConstraint(
                fields=["institution_id", "reference_index", "state"], name="hub_consententry_reference_state"
            ),
            models.CheckConstraint(
                name="hub_consententry_expires_later",
                condition=models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=models.F("at")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.state}"


def require(
    *,
    institution_id: UUID,
    person: DataKey,
    reference: str,
    purpose: str,
    recipient: str,
    text_version: str,
    given_at: datetime,
    expires_at: datetime | None,
    actor: Actor,
    now: datetime,
) -> UUID:
    """Return the id of the consent that this reference stands for; the first mention records it.

    Tenant scope. `Invalid` where it lies in the future, `Conflict` where it is another person's or purpose's,
    withdrawn or expired.
    """
    if given_at > now:
        raise Invalid([FieldError("/consent/given_at", "in_the_future", "Give the moment at which it was given.")])
    index = blind_index(f"consent|{institution_id}", reference)
    found = fetch(ConsentEntry, "institution_id = %s AND reference_index = %s", [institution_id, index])
    entries = {entry.state: entry for entry in found}
    given = entries.get(ConsentEntry.GIVEN)
    if given is None:
        if expires_at is not None and expires_at <= given_at:
            raise Invalid([FieldError("/consent/expires_at", "before_given", "It must lie after given_at.")])
        consent_id = uuid7()
        given = ConsentEntry(
            id=consent_id, consent_id=consent_id, institution_id=institution_id, person=person,
            state=ConsentEntry.GIVEN, purpose=purpose,
            recipient=recipient, text_version=text_version, reference_index=index, at=given_at,
            expires_at=expires_at, recorded_at=now,
        )  # fmt: skip
        payload = ConsentGiven(consent_id, institution_id, person_id=person.id, purpose=purpose)
        outbox.publish(payload, actor=actor, now=now, before=[given])
    _refuse_unless_valid(given, entries, person, (purpose, recipient, text_version), now)
    return given.consent_id


def _refuse_unless_valid(
    given: ConsentEntry,
    entries: dict[str, ConsentEntry],
    person: DataKey,
    what: tuple[str, str, str],
    now: datetime,
) -> None:
    if given.person_id != person.id:
        raise Conflict("This consent reference was given by another person.")
    if (given.purpose, given.recipient, given.text_version) != what:
        raise Conflict("This consent reference was recorded with another purpose, recipient or text version.")
    if ConsentEntry.WITHDRAWN in entries:
        raise Conflict("This consent was withdrawn: a new one is needed.")
    if given.expires_at is not None and given.expires_at <= now:
        raise Conflict("This consent has expired: a new one is needed.")


def withdraw(*, consent_id: UUID, actor: Actor, now: datetime) -> None:
    """Withdraw a consent. Safe to repeat; `Conflict` where there is no such consent."""
    entries = {e.state: e for e in ConsentEntry.objects.filter(consent_id=consent_id)}
    if ConsentEntry.WITHDRAWN in entries:
        return
    if ConsentEntry.GIVEN not in entries:
        raise Conflict("There is no such consent.")
    entry = entries[ConsentEntry.GIVEN]
    payload = ConsentWithdrawn(consent_id, entry.institution_id, person_id=entry.person_id, purpose=entry.purpose)
    entry.pk, entry.state, entry.at, entry.recorded_at = uuid7(), ConsentEntry.WITHDRAWN, now, now
    entry.expires_at = None
    entry.save(force_insert=True)
    outbox.publish(payload, actor=actor, now=now)
