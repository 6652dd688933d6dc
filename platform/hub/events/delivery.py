"""What happens to webhook endpoints and to single deliveries."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class WebhookEndpointRegistered(Payload):
    """An institution gave an address that its events are sent to."""

    TYPE: ClassVar[str] = "webhook_endpoint.registered"
    SUBJECT: ClassVar[str] = "webhook_endpoint"


@dataclass(frozen=True, slots=True)
class WebhookEndpointChanged(Payload):
    """Address, description or event types of an endpoint were changed."""

    TYPE: ClassVar[str] = "webhook_endpoint.changed"
    SUBJECT: ClassVar[str] = "webhook_endpoint"


@dataclass(frozen=True, slots=True)
class WebhookEndpointDisabled(Payload):
    """Nothing is sent to an endpoint any more: `reason` says who wants it so; `parked` deliveries stopped with it."""

    TYPE: ClassVar[str] = "webhook_endpoint.disabled"
    SUBJECT: ClassVar[str] = "webhook_endpoint"

    reason: str
    parked: int


@dataclass(frozen=True, slots=True)
class WebhookEndpointEnabled(Payload):
    """New events are sent to an endpoint again."""

    TYPE: ClassVar[str] = "webhook_endpoint.enabled"
    SUBJECT: ClassVar[str] = "webhook_endpoint"


@dataclass(frozen=True, slots=True)
class WebhookEndpointRemoved(Payload):
    """An endpoint is gone for good, and its secrets with it."""

    TYPE: ClassVar[str] = "webhook_endpoint.removed"
    SUBJECT: ClassVar[str] = "webhook_endpoint"

    parked: int


@dataclass(frozen=True, slots=True)
class WebhookEndpointTested(Payload):
    """Somebody asked for a message of no consequence to this one endpoint."""

    TYPE: ClassVar[str] = "webhook_endpoint.tested"
    SUBJECT: ClassVar[str] = "webhook_endpoint"


@dataclass(frozen=True, slots=True)
class WebhookSecretRotated(Payload):
    """An endpoint has a new secret; the one before it signs as well for a while."""

    TYPE: ClassVar[str] = "webhook_endpoint.secret_rotated"
    SUBJECT: ClassVar[str] = "webhook_endpoint"


@dataclass(frozen=True, slots=True)
class DeliveryParked(Payload):
    """A webhook failed at every attempt and waits for somebody to send it again."""

    TYPE: ClassVar[str] = "delivery.parked"
    SUBJECT: ClassVar[str] = "delivery"

    endpoint_id: UUID
    event_id: UUID
    attempts: int
    fault: str


@dataclass(frozen=True, slots=True)
class DeliveryResent(Payload):
    """Somebody had a webhook sent again."""

    TYPE: ClassVar[str] = "delivery.resent"
    SUBJECT: ClassVar[str] = "delivery"

    endpoint_id: UUID
    event_id: UUID
