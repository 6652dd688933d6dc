"""Webhook endpoints with their secrets, the deliveries to them, and how far the event log was read for them."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, models

from hub.errors import NotFound
from hub.ids import uuid7
from hub.key_columns import Sealed
from hub.outbox import OutboxEvent
from partners.delivery import signing
from partners.delivery.claiming import CLAIM, DELIVERED, ONE_AT_A_TIME
from partners.delivery.flows import DELIVERY, ENDPOINT
from partners.delivery.targets import URL_MAX, Rules, check_network

DESCRIPTION_MAX = 120


class WebhookEndpoint(models.Model):
    """An address of an institution that its events are sent to. Without event types, it is sent every one."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution = models.ForeignKey("institutions.Institution", on_delete=models.PROTECT, editable=False)
    sandbox = models.BooleanField(editable=False)
    url = models.CharField(max_length=URL_MAX)
    description = models.CharField(max_length=DESCRIPTION_MAX, blank=True)
    event_types = models.JSONField(default=list)
    approved_network = models.CharField(max_length=50, blank=True, editable=False)
    state = models.CharField(max_length=10, choices=ENDPOINT.choices(), default=ENDPOINT.first, editable=False)
    disabled_reason = models.CharField(max_length=20, blank=True, editable=False)
    held_until = models.DateTimeField(null=True, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    slow = models.BooleanField(default=False, db_default=False, editable=False)
    from_position = models.BigIntegerField(editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["institution"], name="delivery_endpoint_active", condition=models.Q(state=ENDPOINT.first)
            )
        ]

    def __str__(self) -> str:
        return f"{self.description or 'endpoint'} {self.id}"

    @classmethod
    def locked(cls, endpoint_id: UUID) -> Self:
        """Lock an endpoint that was not removed, before any of its deliveries; `NotFound` where there is none."""
        row = cls.objects.select_for_update().filter(id=endpoint_id).exclude(state="removed").first()
        if row is None:
            raise NotFound("There is no such webhook endpoint.")
        return row

    @property
    def rules(self) -> Rules:
        """What it is allowed beside https to public addresses."""
        network = check_network(self.approved_network) if self.approved_network else None
        return Rules(loopback=self.sandbox and settings.WEBHOOK_LOOPBACK, network=network)

    def wants(self, event: OutboxEvent) -> bool:
        """Whether an event is for it: of a type it asked for, and not in the log before it was registered."""
        asked_for = not self.event_types or event.type in self.event_types
        return asked_for and (event.position or 0) > self.from_position

    def register(self) -> None:
        """Insert it."""
        self.save(force_insert=True)

    def change(self, *, url: str, description: str, event_types: list[str]) -> None:
        """Write its fields. Another address is another receiver, of which nothing is known yet."""
        since, slow = (self.failing_since, self.slow) if url == self.url else (None, False)
        self.url, self.description, self.event_types = url, description, event_types
        self.failing_since, self.slow = since, slow
        self.save(update_fields=["url", "description", "event_types", "failing_since", "slow"])

    def become(self, state: str, *, reason: str = "") -> None:
        """Change the state as the flow allows."""
        ENDPOINT.check(self.state, state)
        self.state, self.disabled_reason, self.held_until = state, reason, None
        if state == ENDPOINT.first:
            self.failing_since, self.slow = None, False
        self.save(update_fields=["state", "disabled_reason", "held_until", "failing_since", "slow"])

    def hold(self, *, until: datetime) -> None:
        """Leave it alone until then; never for less long than before."""
        self.held_until = max(until, self.held_until or until)
        self.save(update_fields=["held_until"])

    def note(self, *, failing_since: datetime | None, slow: bool) -> None:
        """Keep how its receiver does: since when it has taken nothing, and whether it is slow to answer."""
        if (self.failing_since, self.slow) != (failing_since, slow):
            self.failing_since, self.slow = failing_since, slow
            self.save(update_fields=["failing_since", "slow"])


class WebhookSecret(models.Model):
    """A secret of an endpoint, sealed. The current one has no end; the one before it signs as well until its end."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="secrets", editable=False)
    sealed = models.BinaryField(editable=False)
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint"], condition=models.Q(expires_at__isnull=True), name="delivery_secret_one_current"
            )
        ]

    def __str__(self) -> str:
        return f"secret {self.id}"

    @classmethod
    def issue(cls, endpoint: WebhookEndpoint, *, now: datetime) -> str:
        """Make the current secret of an endpoint; return it, this once."""
        secret, secret_id = signing.new_secret(), uuid7()
        sealed = settings.SECRETS.master.seal(secret.encode(), place=_place(secret_id))
        cls(
            id=secret_id, institution_id=endpoint.institution_id, endpoint=endpoint, sealed=sealed, created_at=now
        ).save(force_insert=True)
        return secret

    @classmethod
    def retire(cls, endpoint: WebhookEndpoint, *, at: datetime, now: datetime) -> None:
        """Let the current secret end at `at`, and the one before it, where it still signs, now."""
        cls.objects.filter(endpoint=endpoint, expires_at__gt=now).update(expires_at=now)
        cls.objects.filter(endpoint=endpoint, expires_at=None).update(expires_at=at)

    @classmethod
    def forget(cls, endpoint: WebhookEndpoint) -> None:
        """Delete every secret of an endpoint."""
        cls.objects.filter(endpoint=endpoint).delete()

    def reveal(self) -> str:
        """Open it, to sign with. Platform scope: the tenant's role may not read the column."""
        return settings.SECRETS.master.open(bytes(self.sealed), place=_place(self.id)).decode()


def _place(secret_id: UUID) -> str:
    return f"delivery_webhooksecret|sealed|{secret_id}"


SEALED = (Sealed("delivery_webhooksecret", "sealed", place=_place),)


class Delivery(models.Model):
    """One event for one endpoint: the bytes to be sent, the same at each attempt, and what came of the attempts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries", editable=False)
    event = models.ForeignKey(OutboxEvent, on_delete=models.PROTECT, related_name="+", editable=False)
    event_type = models.CharField(max_length=40, editable=False)
    body = models.BinaryField(editable=False)
    state = models.CharField(max_length=10, choices=DELIVERY.choices(), default=DELIVERY.first, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    due_at = models.DateTimeField(editable=False)
    attempted_at = models.DateTimeField(null=True, editable=False)
    last_status = models.PositiveSmallIntegerField(null=True, editable=False)
    last_fault = models.CharField(max_length=20, blank=True, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["endpoint", "event"], name="delivery_delivery_once")]
        indexes = [
            models.Index(
                fields=["endpoint", "due_at", "id"], name="delivery_delivery_due", condition=models.Q(state="waiting")
            ),
            models.Index(fields=["institution_id", "created_at", "id"], name="delivery_delivery_list"),
            models.Index(fields=["id"], name="delivery_delivery_parked", condition=models.Q(state="parked")),
            models.Index(
                fields=["endpoint"], name="delivery_delivery_leased", condition=models.Q(lease_token__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_type} {self.id}"

    @classmethod
    def prepare(cls, endpoint: WebhookEndpoint, event: OutboxEvent, *, body: bytes, now: datetime) -> Self:
        """Return the delivery of an event to an endpoint, not inserted yet."""
        return cls(
            institution_id=endpoint.institution_id, endpoint=endpoint, event=event, event_type=event.type, body=body,
            due_at=now, created_at=now,
        )  # fmt: skip

    @classmethod
    def insert(cls, rows: list[Self]) -> None:
        """Insert deliveries; those that are there already stay as they are."""
        cls.objects.bulk_create(rows, ignore_conflicts=True)

    @classmethod
    def claim(cls, *, lease: timedelta, each: int, quick: int, slow: int, now: datetime) -> list[Self]:
        """Lease due rows of active endpoints and count the attempt that begins.

        At most `quick` of endpoints that answer at once and `slow` of the others; at most `each` of one endpoint are
        on their way at once, of whatever worker.
        """
        token = uuid4()
        values: dict[str, Any] = {
            "now": now, "token": token, "until": now + lease, "each": each, "quick": quick, "slow": slow,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(ONE_AT_A_TIME)
            cursor.execute(CLAIM, values)
            if not cursor.rowcount:
                return []
        return list(cls.objects.filter(lease_token=token).select_related("endpoint").order_by("endpoint_id", "id"))

    @classmethod
    def deliver_all(cls, taken: list[tuple[Self, int]]) -> None:
        """Note claimed rows that receivers took, with their statuses; none whose lease has gone to somebody else."""
        if taken:
            ids, tokens = [row.id for row, _ in taken], [row.lease_token for row, _ in taken]
            with connection.cursor() as cursor:
                cursor.execute(DELIVERED, [ids, tokens, [status for _, status in taken]])

    @classmethod
    def held(cls, claimed: Self) -> Self | None:
        """Lock a claimed row again; None where its lease has gone to somebody else meanwhile."""
        return cls.objects.select_for_update().filter(id=claimed.id, lease_token=claimed.lease_token).first()

    @classmethod
    def locked(cls, delivery_id: UUID) -> Self:
        """Lock a row; `NotFound` where there is none."""
        row = cls.objects.select_for_update().filter(id=delivery_id).first()
        if row is None:
            raise NotFound("There is no such delivery.")
        return row

    @classmethod
    def park_all(cls, endpoint: WebhookEndpoint, *, fault: str) -> int:
        """Park what waits for an endpoint; return how many."""
        waiting = cls.objects.filter(endpoint=endpoint, state="waiting")
        return waiting.update(state="parked", last_fault=fault, lease_token=None, lease_until=None)

    def postpone(self, *, until: datetime, status: int | None, fault: str) -> None:
        """Note a failed attempt, and when the next one is due."""
        self.due_at, self.last_status, self.last_fault = until, status, fault
        self._save_attempt()

    def park(self, *, status: int | None, fault: str) -> None:
        """Give it up until somebody sends it again."""
        self._become("parked")
        self.last_status, self.last_fault = status, fault
        self._save_attempt()

    def wait(self, *, now: datetime) -> None:
        """Let it be sent again, from the first attempt on. A worker that is at it just now has lost its lease."""
        if self.state != DELIVERY.first:
            self._become(DELIVERY.first)
        self.attempts, self.due_at = 0, now
        self._save_attempt()

    def _become(self, state: str) -> None:
        DELIVERY.check(self.state, state)
        self.state = state

    def _save_attempt(self) -> None:
        self.lease_token = self.lease_until = None
        self.save(
            update_fields=["state", "attempts", "due_at", "last_status", "last_fault", "lease_token", "lease_until"]
        )


class FeedCursor(models.Model):
    """Up to which position of the event log deliveries were made. One row."""

    NAME: ClassVar[str] = "webhooks"

    name = models.CharField(primary_key=True, max_length=20)
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} {self.position}"

    @classmethod
    def take(cls) -> Self | None:
        """Lock the cursor, made at its first use; None while somebody else is at it."""
        cls.objects.get_or_create(name=cls.NAME)
        return cls.objects.select_for_update(skip_locked=True).filter(name=cls.NAME).first()

    def advance(self, position: int) -> None:
        """Move on."""
        self.position = position
        self.save(update_fields=["position"])
