"""An institution with an endpoint, events for it, and a clock that the test moves."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hub import events, outbox
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery import queries, services
from partners.delivery.feed import feed
from partners.delivery.models import Delivery, WebhookEndpoint
from partners.delivery.sending import send_due
from partners.delivery.transport import HttpTransport, Transport
from tests.factories import ACTOR, make_institution
from tests.partners.receiver import Receiver

BEGIN = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@dataclass
class World:
    """A bank and its time. `transport` sends for real unless a test has another."""

    institution_id: UUID
    moment: datetime = BEGIN
    transport: Transport = field(default_factory=HttpTransport)

    def now(self) -> datetime:
        """The moment that the test has set."""
        return self.moment

    def pass_time(self, **by: float) -> None:
        """Move on."""
        self.moment += timedelta(**by)

    def endpoint(self, receiver: Receiver, **changes: Any) -> UUID:
        """Register a receiver; it verifies by this world's clock."""
        with tenant_scope(self.institution_id):
            made, secret = services.register_endpoint(
                institution_id=self.institution_id, url=receiver.url, actor=ACTOR, now=self.moment, **changes
            )
        receiver.secrets.append(secret)
        receiver.clock = self.now
        return made.id

    def happen(self, *, institution_id: UUID | None = None, subject_id: UUID | None = None) -> UUID:
        """Let something happen to the institution (or to another); return the event's id."""
        mine = institution_id or self.institution_id
        payload = events.ConsentGiven(subject_id or uuid4(), mine, person_id=uuid4(), purpose="credit_scoring")
        with tenant_scope(mine):
            return outbox.publish(payload, actor=ACTOR, now=self.moment)

    def relay(self) -> None:
        """Give positions, and make deliveries of what has one."""
        with platform_scope():
            outbox.relay(now=self.moment)
        while self.feed():
            pass

    def feed(self, limit: int = 500) -> int:
        """Make deliveries."""
        with platform_scope():
            return feed(now=self.moment, limit=limit)

    def send(self) -> int:
        """Send until nothing is due; return how many attempts that were."""
        count = 0
        while sent := send_due(scope=platform_scope, clock=self.now, transport=self.transport):
            count += sent
        return count

    def round(self) -> int:
        """Relay and send."""
        self.relay()
        return self.send()

    def deliveries(self) -> list[Delivery]:
        """Every delivery, oldest first."""
        with platform_scope():
            return list(Delivery.objects.order_by("id"))

    def only(self) -> Delivery:
        """The one delivery that there is."""
        (row,) = self.deliveries()
        return row

    def row(self, endpoint_id: UUID) -> WebhookEndpoint:
        """An endpoint, as it is now."""
        with platform_scope():
            return WebhookEndpoint.objects.get(id=endpoint_id)

    def log(self, after: int = 0, limit: int = 200) -> list[queries.EventView]:
        """The event log as the institution reads it."""
        with tenant_scope(self.institution_id):
            return queries.events_after(institution_id=self.institution_id, position=after, limit=limit)

    def told(self) -> list[str]:
        """The types of all events of the institution, in the order of their making."""
        with platform_scope():
            rows = OutboxEvent.objects.filter(institution_id=self.institution_id).order_by("id")
            return list(rows.values_list("type", flat=True))


def make() -> World:
    """A sandbox of its own, whose onboarding stands in the log already."""
    made = World(make_institution().id)
    made.relay()
    return made


def make_endpoint(institution_id: UUID) -> UUID:
    """Register an endpoint of a sandbox that nobody listens at; return its id."""
    return World(institution_id).endpoint(Receiver(url="http://127.0.0.1:9000/hooks"))
