"""Replays of live credit policies for a challenger: who is at one, and how it ended."""

from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Q

from hub.ids import uuid7
from hub.leases import Leased


class PolicyReplay(Leased):
    """One replay; its result is told in events. `failure` says why there is none."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version_id = models.UUIDField(editable=False)
    line_id = models.UUIDField(editable=False)
    applications = models.PositiveIntegerField(default=0, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    failure = models.CharField(max_length=300, blank=True, default="", editable=False)
    created_at = models.DateTimeField(editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version_id"], condition=Q(finished_at=None), name="referrals_policyreplay_one_open"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(finished_at=None), name="referrals_policyreplay_waiting"),
        ]

    def __str__(self) -> str:
        return f"replay {self.created_at:%Y-%m-%d}"

    @classmethod
    def ask(cls, *, version_id: UUID, line_id: UUID, now: datetime) -> "PolicyReplay":
        """Return the open replay of a version, made if there is none."""
        found, _ = cls.objects.get_or_create(
            version_id=version_id, finished_at=None, defaults={"line_id": line_id, "created_at": now}
        )
        return found

    @classmethod
    def locked(cls, replay_id: UUID) -> "PolicyReplay":
        """Return the row, locked until the transaction ends."""
        return cls.objects.select_for_update(of=("self",)).get(id=replay_id)

    def claim(self, *, until: datetime, now: datetime) -> UUID:
        """Give the locked replay to a worker and return its token. Raises Busy while another one holds it."""
        token = self.take_lease(until=until, now=now)
        self.attempts += 1
        self.save(update_fields=["lease_token", "lease_until", "attempts"])
        return token

    def renew(self, *, until: datetime) -> None:
        """Hold it for longer."""
        self.lease_until = until
        self.save(update_fields=["lease_until"])

    def release(self, *, now: datetime) -> None:
        """Take it from whoever holds it, and note that a task is sent for it."""
        self.drop_lease()
        self.nudge(now=now)
        self.save(update_fields=["lease_token", "lease_until", "nudged_at"])

    def finish(self, *, applications: int = 0, failure: str = "", now: datetime) -> None:
        """It is over."""
        self.applications, self.failure, self.finished_at = applications, failure[:300], now
        self.drop_lease()
        self.save(update_fields=["applications", "failure", "finished_at", "lease_token", "lease_until"])
