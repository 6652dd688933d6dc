"""The consent ledger: one purpose, one recipient, one text version; given, withdrawn, expired. Rows are only added."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models

from hub import outbox
from hub.audit import Actor
from hub.crypto import DataKey, blind_index
from hub.db.quick import Part, fetch
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


@dataclass(frozen=True, slots=True)
class Claim:
    """What an institution says of a consent: its own reference, one purpose, one recipient, one text version."""

    institution_id: UUID
    reference: str
    purpose: str
    recipient: str
    text_version: str
    given_at: datetime
    expires_at: datetime | None = None

    @property
    def entries(self) -> Part:
        """What to fetch for `require`: the ledger's entries of this reference."""
        where = "institution_id = %s AND reference_index = %s"
        return Part(ConsentEntry, where, (self.institution_id, self._index))

    @property
    def _index(self) -> bytes:
        return blind_index(f"consent|{self.institution_id}", self.reference)

    def entry(self, person: DataKey, now: datetime) -> ConsentEntry:
        """Make the entry that the first mention leaves; `Invalid` where its moments make no sense."""
        if self.given_at > now:
            raise Invalid([FieldError("/consent/given_at", "in_the_future", "Give the moment at which it was given.")])
        if self.expires_at is not None and self.expires_at <= self.given_at:
            raise Invalid([FieldError("/consent/expires_at", "before_given", "It must lie after given_at.")])
        consent_id = uuid7()
        return ConsentEntry(
            id=consent_id, consent_id=consent_id, institution_id=self.institution_id, person=person,
            state=ConsentEntry.GIVEN, purpose=self.purpose, recipient=self.recipient,
            text_version=self.text_version, reference_index=self._index, at=self.given_at,
            expires_at=self.expires_at, recorded_at=now,
        )  # fmt: skip


def require(
    *, claim: Claim, person: DataKey, actor: Actor, now: datetime, entries: list[ConsentEntry] | None = None
) -> UUID:
    """Return the id of the consent that a claim stands for; the first mention of its reference records it.

    Tenant scope. `Invalid` where its moments make no sense, `Conflict` where the reference is another person's or
    purpose's, withdrawn or expired. `entries` are the fetched `claim.entries`, where the caller has them already.
    """
    found = {entry.state: entry for entry in (fetch(claim.entries) if entries is None else entries)}
    given = found.get(ConsentEntry.GIVEN)
    if given is None:
        given = claim.entry(person, now)
        payload = ConsentGiven(given.id, claim.institution_id, person_id=person.id, purpose=claim.purpose)
        outbox.publish(payload, actor=actor, now=now, before=[given])
    _refuse_unless_valid(given, claim, person, now)
    if ConsentEntry.WITHDRAWN in found:
        raise Conflict("This consent was withdrawn: a new one is needed.")
    return given.consent_id


def _refuse_unless_valid(given: ConsentEntry, claim: Claim, person: DataKey, now: datetime) -> None:
    if given.person_id != person.id:
        raise Conflict("This consent reference was given by another person.")
    recorded = (given.purpose, given.recipient, given.text_version)
    if recorded != (claim.purpose, claim.recipient, claim.text_version):
        raise Conflict("This consent reference was recorded with another purpose, recipient or text version.")
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
