"""Audit rows: who did what to which thing, appended in the same transaction. Nobody may change or delete one."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from hub.db.quick import New, append
from hub.ids import uuid7

request_id: ContextVar[str] = ContextVar("request_id", default="")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in user, an API client, or the system itself (a task, a command)."""

    kind: str
    id: str

    USER: ClassVar[str] = "user"
    CLIENT: ClassVar[str] = "client"
    SYSTEM: ClassVar[str] = "system"


def user_actor(user_id: UUID) -> Actor:
    """A person who signed in."""
    return Actor(Actor.USER, str(user_id))


def client_actor(client_id: str) -> Actor:
    """An API client of an institution."""
    return Actor(Actor.CLIENT, client_id)


def system_actor(name: str) -> Actor:
    """A task or command, by its name."""
    return Actor(Actor.SYSTEM, name)


class AuditRow(models.Model):
    """One deed. `details` hold ids, figures and digests, never personal data."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    actor_kind = models.CharField(max_length=10, editable=False)
    actor_id = models.CharField(max_length=100, editable=False)
    action = models.CharField(max_length=60, editable=False)
    subject_type = models.CharField(max_length=40, editable=False)
    subject_id = models.CharField(max_length=64, editable=False)
    details = models.JSONField(default=dict, editable=False)
    request_id = models.CharField(max_length=64, blank=True, editable=False)
    seal_number = models.BigIntegerField(null=True, editable=False)  # written by the sealer alone: see hub.sealing

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject_type", "subject_id"], name="hub_auditrow_subject"),
            models.Index(fields=["id"], name="hub_auditrow_unsealed", condition=models.Q(seal_number=None)),
            models.Index(fields=["seal_number"], name="hub_auditrow_seal", condition=models.Q(seal_number__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_type} {self.subject_id}"


def record(
    *,
    actor: Actor,
    action: str,
    subject_type: str,
    subject_id: UUID | str,
    now: datetime,
    institution_id: UUID | None = None,
    details: Mapping[str, Any] | None = None,
    after: Sequence[models.Model | New] = (),
) -> None:
    """Append one audit row to the open transaction, in one round trip with the new rows it comes `after`."""
    row = New(
        AuditRow,
        {
            "id": uuid7(), "at": now, "institution_id": institution_id, "actor_kind": actor.kind, "actor_id": actor.id,
            "action": action, "subject_type": subject_type, "subject_id": str(subject_id),
            "details": dict(details or {}), "request_id": request_id.get(), "seal_number": None,
        },
    )  # fmt: skip
    append(*after, row)
