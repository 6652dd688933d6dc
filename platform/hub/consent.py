"""The consent ledger: one purpose, one recipient, one text version; given, withdrawn, expired. Rows are only added.

An institution names by its own reference a consent that its customer gave to it (`Claim`, `require`). What the
platform's own borrowers consent to is recorded by `give`: that Luopan scores them, that one lender gets their data.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID

from django.db import models
from django.db.models.functions import Cast

from hub import outbox
from hub.audit import Actor
from hub.crypto import DataKey, among, blind_indexes, meet, written
from hub.db.quick import Part, Question, ask, fetch, made
from hub.errors import Conflict, Erased, FieldError, Invalid, NotFound
from hub.events import ConsentGiven, ConsentWithdrawn
from hub.ids import uuid7
from hub.key_columns import Indexed

CREDIT_SCORING = "credit_scoring"
SHARE_WITH_LENDER = "share_with_lender"
HARD_INQUIRY = "hard_inquiry"
"""That a source is asked in a way which other lenders can see."""
PURPOSES = (CREDIT_SCORING, SHARE_WITH_LENDER, HARD_INQUIRY)
PLATFORM = "luopan"
"""The recipient of a consent that is for the platform itself; for one lender it is the institution's id."""
_LOCK = "pg_advisory_xact_lock{}(hashtextextended(%s, 0)) IS NULL"


class ConsentEntry(models.Model):
    """A person's consent, or its withdrawal: the newest entry of a reference says what holds."""

    GIVEN: ClassVar[str] = "given"
    WITHDRAWN: ClassVar[str] = "withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    consent_id = models.UUIDField(editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
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
                "institution_id", "reference_index", "state", name="hub_consententry_reference_state",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="hub_consententry_recipient",
                condition=models.Q(institution_id__isnull=False) | models.Q(recipient="luopan"),
            ),
            models.CheckConstraint(
                name="hub_consententry_lender",
                condition=~models.Q(purpose="share_with_lender")
                | models.Q(institution_id__isnull=False, recipient=Cast("institution_id", models.CharField())),
            ),
            models.CheckConstraint(
                name="hub_consententry_expires_later",
                condition=models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=models.F("at")),
            ),
            models.UniqueConstraint(
                fields=["consent_id"], name="hub_consententry_withdrawn_once", condition=models.Q(state="withdrawn")
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.purpose} {self.state}"


INDEXED = (Indexed("hub_consententry", "reference_index"),)


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of a consent: the sayer's own reference, one purpose, one recipient, one text version."""

    institution_id: UUID | None
    reference: str
    purpose: str
    recipient: str
    text_version: str
    given_at: datetime
    expires_at: datetime | None = None

    @property
    def entries(self) -> Part:
        """What to fetch for `require`: the ledger's entries of this reference."""
        forms = self.forms
        looked_for = among("reference_index", forms)
        if self.institution_id is None:
            return Part(ConsentEntry, f"institution_id IS NULL AND {looked_for}", forms)
        return Part(ConsentEntry, f"institution_id = %s AND {looked_for}", (self.institution_id, *forms))

    @property
    def forms(self) -> tuple[bytes, ...]:
        """The indexes that the reference may stand under."""
        return blind_indexes(self._index_purpose, self.reference)

    @property
    def _index_purpose(self) -> str:
        return index_purpose(self.purpose, self.institution_id)

    def refuse_senseless(self, now: datetime) -> None:
        """Raise `Invalid` where its moments make no sense: for the first mention."""
        if self.given_at > now:
            raise Invalid([FieldError("/consent/given_at", "in_the_future", "Give the moment at which it was given.")])
        if self.expires_at is not None and self.expires_at <= self.given_at:
            raise Invalid([FieldError("/consent/expires_at", "before_given", "It must lie after given_at.")])

    def entry(self, person: DataKey, now: datetime, forms: tuple[bytes, ...] = ()) -> ConsentEntry:
        """Make the entry that the first mention leaves; `Invalid` where its moments make no sense.

        `forms` are its own, where the caller has them already.
        """
        self.refuse_senseless(now)
        consent_id = uuid7()
        row = {
            "id": consent_id, "consent_id": consent_id, "institution_id": self.institution_id, "person_id": person.id,
            "state": ConsentEntry.GIVEN, "purpose": self.purpose, "recipient": self.recipient,
            "text_version": self.text_version, "reference_index": written(forms or self.forms),
            "at": self.given_at, "expires_at": self.expires_at, "recorded_at": now,
        }  # fmt: skip
        return made(ConsentEntry, row, person=person)


def require(
    *, claim: Claim, person: DataKey, actor: Actor, now: datetime, entries: list[ConsentEntry] | None = None
) -> UUID:
    """Return the id of the consent that a claim stands for; the first mention of its reference records it.

    Tenant scope. `Invalid` where its moments make no sense, `Conflict` where the reference is another person's or
    purpose's, withdrawn or expired. `entries` are the fetched `claim.entries`, where the caller has them already.
    """
    found = {entry.state: entry for entry in (fetch(claim.entries) if entries is None else entries)}
    forms = () if ConsentEntry.GIVEN in found else claim.forms
    if meet(forms):
        found = {entry.state: entry for entry in fetch(claim.entries)}
    given = found.get(ConsentEntry.GIVEN)
    if given is None:
        given = claim.entry(person, now, forms)
        payload = ConsentGiven(given.id, claim.institution_id, person_id=_told(given), purpose=claim.purpose)
        outbox.publish(payload, actor=actor, now=now, before=[given])
    refuse_unless_valid(given, claim, person.id, now)
    if ConsentEntry.WITHDRAWN in found:
        raise Conflict("This consent was withdrawn: a new one is needed.")
    return given.consent_id


def index_purpose(purpose: str, institution_id: UUID | None) -> str:
    """Return what the indexes of references to consents for this purpose are made for."""
    # References of the platform's own making never meet those that the lender itself makes up.
    ours = "share|" if purpose == SHARE_WITH_LENDER else ""
    return f"consent|{ours}{institution_id or ''}"


class Given(Protocol):
    """What a judgement needs to know of the entry by which a consent was given."""

    person_id: Any
    purpose: str
    recipient: str
    text_version: str
    expires_at: datetime | None


def refuse_unless_valid(given: Given, claim: Claim, person_id: Any, now: datetime) -> None:
    """Raise `Conflict` unless a consent that was given is what a claim of this person says, and has not expired."""
    if given.person_id != person_id:
        raise Conflict("This consent reference was given by another person.")
    recorded = (given.purpose, given.recipient, given.text_version)
    if recorded != (claim.purpose, claim.recipient, claim.text_version):
        raise Conflict("This consent reference was recorded with another purpose, recipient or text version.")
    if given.expires_at is not None and given.expires_at <= now:
        raise Conflict("This consent has expired: a new one is needed.")


def give(
    *,
    person_id: UUID,
    purpose: str,
    recipient: str,
    text_version: str,
    reference: str,
    actor: Actor,
    now: datetime,
    expires_at: datetime | None = None,
) -> UUID:
    """Record what a borrower of the platform consents to; return the consent's id. Platform scope.

    `purpose` is "credit_scoring" or "hard_inquiry" with the recipient "luopan", or "share_with_lender" with the
    institution's id as the recipient. `reference` is the caller's own name of it (such as "application|<id>"): again,
    it returns the same consent. `NotFound` for no person of the platform, `Erased`, `Invalid` where it expires before
    it begins, `Conflict` where the reference stands for something else, was withdrawn or has expired.
    """
    person = _borrower(person_id)
    claim = Claim(_lender(purpose, recipient), reference, purpose, recipient, text_version, now, expires_at)
    return require(claim=claim, person=person, actor=actor, now=now)


def _borrower(person_id: UUID) -> DataKey:
    person = DataKey.objects.filter(id=person_id, kind=DataKey.PERSON, institution_id=None).first()
    if person is None:
        raise NotFound("There is no such person.")
    if person.erased_at is not None:
        raise Erased("This person was erased.")
    return person


def _lender(purpose: str, recipient: str) -> UUID | None:
    if purpose == SHARE_WITH_LENDER:
        return UUID(recipient)
    if purpose not in (CREDIT_SCORING, HARD_INQUIRY) or recipient != PLATFORM:
        raise ValueError(f"no consent of a borrower is for {purpose} by {recipient}")
    return None


@dataclass(frozen=True, slots=True)
class Proof:
    """What the ledger says of one consent."""

    consent_id: UUID
    institution_id: UUID | None
    purpose: str
    recipient: str
    text_version: str
    given_at: datetime
    expires_at: datetime | None
    withdrawn_at: datetime | None


def proof(*, consent_id: UUID) -> Proof:
    """Return what the ledger says of a consent; `NotFound` where the open scope sees none."""
    entries = {entry.state: entry for entry in fetch(entries_of(consent_id))}
    given, withdrawn = entries.get(ConsentEntry.GIVEN), entries.get(ConsentEntry.WITHDRAWN)
    if given is None:
        raise NotFound("There is no such consent.")
    return Proof(
        consent_id, given.institution_id, given.purpose, given.recipient, given.text_version, given.at,
        given.expires_at, withdrawn.at if withdrawn else None,
    )  # fmt: skip


def entries_of(consent_id: UUID) -> Part:
    """What to fetch for `refuse_unless_held`: the first entry has the consent's own id."""
    where = "id = %s OR (consent_id = %s AND state = 'withdrawn')"
    return Part(ConsentEntry, where, (consent_id, consent_id))


def check(*, consent_id: UUID, person_id: UUID, purpose: str, recipient: str, now: datetime) -> None:
    """Refuse (`Conflict`) unless this consent of this person holds; until the transaction ends nobody withdraws it.

    Take the row locks of the case first: whoever withdraws does so too.
    """
    _lock(consent_id, "_shared")
    refuse_unless_held(
        fetch(entries_of(consent_id)), person_id=person_id, purpose=purpose, recipient=recipient, now=now
    )


def refuse_unless_held(
    entries: list[ConsentEntry], *, person_id: UUID, purpose: str, recipient: str, now: datetime
) -> None:
    """Refuse (`Conflict`) unless these entries are of a consent that this person gave for this, and that holds."""
    found = {entry.state: entry for entry in entries}
    given = found.get(ConsentEntry.GIVEN)
    asked = (person_id, purpose, recipient)
    if given is None or (given.person_id, given.purpose, given.recipient) != asked:
        raise Conflict("There is no consent of this person to this.")
    if ConsentEntry.WITHDRAWN in found:
        raise Conflict("This consent was withdrawn: a new one is needed.")
    if given.expires_at is not None and given.expires_at <= now:
        raise Conflict("This consent has expired: a new one is needed.")


def withdraw(*, consent_id: UUID, actor: Actor, now: datetime) -> None:
    """Withdraw a consent. Safe to repeat; `Conflict` where there is no such consent."""
    _lock(consent_id)
    entries = {entry.state: entry for entry in fetch(entries_of(consent_id))}
    if ConsentEntry.WITHDRAWN in entries:
        return
    if ConsentEntry.GIVEN not in entries:
        raise Conflict("There is no such consent.")
    entry = entries[ConsentEntry.GIVEN]
    payload = ConsentWithdrawn(consent_id, entry.institution_id, person_id=_told(entry), purpose=entry.purpose)
    entry.pk, entry.state, entry.at, entry.recorded_at = uuid7(), ConsentEntry.WITHDRAWN, now, now
    entry.expires_at = None
    entry.save(force_insert=True)
    outbox.publish(payload, actor=actor, now=now)


def _told(entry: ConsentEntry) -> UUID | None:
    # Two lenders who compared their events would know a borrower of both by the platform's id of him.
    return None if entry.purpose == SHARE_WITH_LENDER else entry.person_id


def _lock(consent_id: UUID, how: str = "") -> None:
    ask(Question(_LOCK.format(how), (f"consent|{consent_id}",)))
