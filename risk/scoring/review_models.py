"""Reviews: refusals of the platform that a person looks at again because the applicant asked for it."""

from datetime import datetime
from decimal import Decimal
from typing import Self
from uuid import UUID

import msgspec
from django.db import models
from django.db.models import F, Q

from hub.ids import uuid7
from risk.scoring.flows import REVIEW
from risk.scoring.review_rules import CURRENT, RULES


class Verdict(msgspec.Struct, frozen=True):
    """What the person decided, sealed: why, and up to which instalment a month lenders may be asked."""

    reason: str
    instalment_max: Decimal | None = None


class DecisionReview(models.Model):
    """One refusal of the platform, looked at again by a person. Once overturned it is the override of its decision.

    What the applicant says, what he is told and why, is sealed under his key. A decision has one review that was not
    withdrawn. `sandbox_id` is the application's world.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    decision = models.ForeignKey(
        "scoring.Decision", on_delete=models.PROTECT, related_name="reviews", editable=False
    )  # fmt: skip
    application_id = models.UUIDField(editable=False)
    sandbox_id = models.UUIDField(null=True, editable=False)
    language = models.CharField(max_length=10, editable=False)
    state = models.CharField(max_length=10, choices=REVIEW.choices(), default=REVIEW.first, editable=False)
    rules_version = models.CharField(max_length=20, editable=False)
    statement = models.BinaryField(editable=False)
    asked_at = models.DateTimeField(editable=False)
    due_at = models.DateTimeField(editable=False)
    extended_at = models.DateTimeField(null=True, editable=False)
    extension = models.BinaryField(null=True, editable=False)
    assignee_id = models.UUIDField(null=True, editable=False)
    verdict = models.BinaryField(null=True, editable=False)
    decided_by = models.UUIDField(null=True, editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["decision"], name="scoring_decisionreview_one", condition=~Q(state="withdrawn")
            ),
            models.CheckConstraint(
                name="scoring_decisionreview_assigned",
                condition=Q(assignee_id__isnull=False) | Q(state__in=["open", "withdrawn"]),
            ),
            models.CheckConstraint(
                name="scoring_decisionreview_decided",
                condition=Q(state__in=["upheld", "overturned"], verdict__isnull=False, decided_by__isnull=False)
                | Q(state__in=["open", "assigned", "withdrawn"], verdict__isnull=True, decided_by__isnull=True),
            ),
            models.CheckConstraint(
                name="scoring_decisionreview_ended",
                condition=Q(state__in=["open", "assigned"], ended_at__isnull=True)
                | Q(state__in=["upheld", "overturned", "withdrawn"], ended_at__isnull=False),
            ),
            models.CheckConstraint(
                name="scoring_decisionreview_extended",
                condition=Q(extended_at__isnull=True, extension__isnull=True)
                | Q(extended_at__isnull=False, extension__isnull=False),
            ),
            models.CheckConstraint(name="scoring_decisionreview_due_later", condition=Q(due_at__gt=F("asked_at"))),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="scoring_decisionreview_waiting", condition=Q(ended_at=None)),
        ]

    def __str__(self) -> str:
        return f"review {self.state} {self.asked_at:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        """Whether it waits for a decision."""
        return self.ended_at is None

    @property
    def is_extendable(self) -> bool:
        """Whether it may still be given more time, if it is not overdue."""
        return self.is_open and self.extended_at is None

    @classmethod
    def ask(cls, *, statement: str, now: datetime, **fields: object) -> Self:
        """Open a review of `decision`; its clock runs from now."""
        due_at = now + RULES[CURRENT].within
        made = cls(id=uuid7(), rules_version=CURRENT, asked_at=now, due_at=due_at, **fields)
        made.statement = made._seal("statement", statement.encode())
        made.save(force_insert=True)
        return made

    @classmethod
    def locked(cls, review_id: UUID) -> Self | None:
        """Return the row, locked until the transaction ends."""
        rows = cls.objects.select_for_update(of=("self",)).select_related("decision__person")
        return rows.defer("decision__sealed").filter(id=review_id).first()

    def assign(self, user_id: UUID) -> None:
        """Give it to somebody; from one to another too."""
        if self.state != "assigned":
            REVIEW.check(self.state, "assigned")
        self.state, self.assignee_id = "assigned", user_id
        self.save(update_fields=["state", "assignee_id"])

    def extend(self, reason: str, *, now: datetime) -> None:
        """Move the day it is due, once, with the reason that the applicant reads."""
        self.due_at += RULES[self.rules_version].extended_by
        self.extended_at, self.extension = now, self._seal("extension", reason.encode())
        self.save(update_fields=["due_at", "extended_at", "extension"])

    def decide(self, state: str, verdict: Verdict, *, user_id: UUID, now: datetime) -> None:
        """Uphold or overturn the refusal."""
        REVIEW.check(self.state, state)
        self.state, self.decided_by, self.ended_at = state, user_id, now
        self.verdict = self._seal("verdict", msgspec.json.encode(verdict))
        self.save(update_fields=["state", "decided_by", "ended_at", "verdict"])

    def withdraw(self, *, now: datetime) -> None:
        """End it without a decision."""
        REVIEW.check(self.state, "withdrawn")
        self.state, self.ended_at = "withdrawn", now
        self.save(update_fields=["state", "ended_at"])

    def said(self) -> str:
        """What the applicant says; `Erased` where he was, as below."""
        return self._open("statement", self.statement).decode()

    def extended_because(self) -> str:
        """Why it takes longer, "" where it does not."""
        return self._open("extension", self.extension).decode() if self.extension else ""

    def decided(self) -> Verdict | None:
        """What was decided, None before that."""
        found = self._open("verdict", self.verdict) if self.verdict else None
        return None if found is None else msgspec.json.decode(found, type=Verdict)

    def _seal(self, column: str, plain: bytes) -> bytes:
        return self.decision.person.seal(plain, place=self._place(column))

    def _open(self, column: str, sealed: bytes | memoryview) -> bytes:
        return self.decision.person.open(bytes(sealed), place=self._place(column))

    def _place(self, column: str) -> str:
        return f"scoring_decisionreview|{column}|{self.id}"
