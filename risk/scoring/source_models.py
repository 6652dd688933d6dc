"""Inquiries at data sources: who was asked about whom, for which purpose and on which consent, and what came of it."""

from datetime import datetime, timedelta
from typing import ClassVar, Self
from uuid import UUID

import msgspec
from django.db import models

from hub.crypto import DataKey
from hub.errors import Erased
from hub.ids import uuid7
from risk.features.facade import PURPOSE_OF, Settled, Terms, Value, timeout_s
from risk.scoring.source_flow import INQUIRY

RETRY = timedelta(minutes=5)  # before a source that failed is asked again
GRACE = timedelta(seconds=2)  # for writing down what came of an inquiry


class Kept(msgspec.Struct, frozen=True):
    """What an inquiry keeps under the person's key: the answer, and the source's own reference of it."""

    values: dict[str, Value]
    reference: str
    facts: tuple[str, ...] = ()


class Inquiry(models.Model):
    """One question to one source.

    The one in force is used again, and keeps another from being made, until `holds_until`. `cost_minor` is what it may
    have cost, in minor units of `currency`; `sandbox` rows ask about people who are made up.
    """

    ASKED: ClassVar[str] = "asked"
    ANSWERED: ClassVar[str] = "answered"
    TIMED_OUT: ClassVar[str] = "timed_out"
    UNAVAILABLE: ClassVar[str] = "unavailable"
    UNUSABLE: ClassVar[str] = "unusable"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    person = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+", editable=False)
    sandbox = models.BooleanField(editable=False)
    source = models.CharField(max_length=60, editable=False)
    kind = models.CharField(max_length=20, editable=False)
    purpose = models.CharField(max_length=30, editable=False)
    inquiry_type = models.CharField(max_length=4, choices=[("soft", "soft"), ("hard", "hard")], editable=False)
    consent_id = models.UUIDField(editable=False)
    state = models.CharField(max_length=12, choices=INQUIRY.choices(), default=INQUIRY.first, editable=False)
    in_force = models.BooleanField(default=True, editable=False)
    asked_at = models.DateTimeField(editable=False)
    due_at = models.DateTimeField(editable=False)
    holds_until = models.DateTimeField(editable=False)
    settled_at = models.DateTimeField(null=True, editable=False)
    took_ms = models.PositiveIntegerField(null=True, editable=False)
    as_of = models.DateTimeField(null=True, editable=False)
    cost_minor = models.PositiveIntegerField(editable=False)
    currency = models.CharField(max_length=3, editable=False)
    sealed = models.BinaryField(null=True, editable=False)

    class Meta:
        verbose_name_plural = "inquiries"
        ordering = ["-asked_at", "-id"]
        constraints = [
            # Two tabs that would ask one source about one person: the second finds no room.
            models.UniqueConstraint(
                fields=["person", "source"], name="scoring_inquiry_one_in_force", condition=models.Q(in_force=True)
            ),
            models.CheckConstraint(
                name="scoring_inquiry_settled",
                condition=models.Q(state="asked", settled_at__isnull=True)
                | ~models.Q(state="asked") & models.Q(settled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="scoring_inquiry_answer",
                condition=models.Q(state="answered", sealed__isnull=False, as_of__isnull=False)
                | ~models.Q(state="answered") & models.Q(sealed__isnull=True, as_of__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["asked_at"], name="scoring_inquiry_time")]

    def __str__(self) -> str:
        return f"{self.source} {self.state}"

    @classmethod
    def begin(cls, *, person: DataKey, sandbox: bool, terms: Terms, consent_id: UUID, now: datetime) -> Self:
        """Take the place of the one inquiry in force. Until more is known a hard one holds as long as its answer."""
        due_at = now + timedelta(seconds=timeout_s(terms)) + GRACE
        return cls.objects.create(
            person=person, sandbox=sandbox, source=terms.name, kind=terms.kind, purpose=PURPOSE_OF[terms.kind],
            inquiry_type=terms.inquiry, consent_id=consent_id, asked_at=now, due_at=due_at,
            holds_until=now + terms.fresh_for if terms.inquiry == "hard" else due_at,
            cost_minor=terms.cost_minor, currency=terms.currency,
        )  # fmt: skip

    @classmethod
    def of_person(cls, person_id: UUID) -> dict[str, Self]:
        """Return the inquiries in force by source."""
        rows = cls.objects.filter(person_id=person_id, in_force=True).select_related("person")
        return {row.source: row for row in rows}

    def settle(self, settled: Settled, *, fresh_for: timedelta, now: datetime) -> None:
        """Write down what came of it; an answer about a person who was erased meanwhile is not kept."""
        state = settled.outcome
        if state == self.ANSWERED and not self._keep(settled, now):
            state = self.UNUSABLE
        INQUIRY.check(self.state, state)
        self.state, self.settled_at, self.took_ms = state, now, settled.took_ms
        if state in (self.ANSWERED, "no_record"):
            self.holds_until = self.asked_at + fresh_for
        elif self.inquiry_type == "soft" or state == self.UNAVAILABLE:
            self.holds_until = now + RETRY
        if state == self.UNAVAILABLE:
            self.cost_minor = 0
        self.save(
            update_fields=["state", "settled_at", "took_ms", "holds_until", "cost_minor", "as_of", "sealed"]
        )  # fmt: skip

    def _keep(self, settled: Settled, now: datetime) -> bool:
        assert settled.answer is not None
        kept = Kept(dict(settled.answer.values), settled.answer.reference, settled.answer.facts)
        try:
            self.sealed = self.person.seal(msgspec.json.encode(kept), place=self._place)
        except Erased:
            return False
        self.as_of = min(settled.answer.as_of, now)
        return True

    def kept(self) -> Kept:
        """Open the answer; `Erased` where the person was."""
        return msgspec.json.decode(self.person.open(bytes(self.sealed or b""), place=self._place), type=Kept)

    def make_room(self) -> None:
        """Be no longer in force: another inquiry is about to be made."""
        self.in_force = False
        self.save(update_fields=["in_force"])

    @property
    def _place(self) -> str:
        return f"scoring_inquiry|sealed|{self.id}"
