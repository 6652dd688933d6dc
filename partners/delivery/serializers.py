"""The bodies of the webhook and event endpoints."""

from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta, Struct

from hub.parsing import Moment
from partners.delivery.models import DESCRIPTION_MAX
from partners.delivery.queries import DeliveryView, EndpointView, EventView, event_types
from partners.delivery.services import Rotated
from partners.delivery.targets import URL_MAX

Url = Annotated[str, Meta(min_length=1, max_length=URL_MAX)]
Description = Annotated[str, Meta(max_length=DESCRIPTION_MAX)]
EventType = Annotated[str, Meta(min_length=1, max_length=40, extra_json_schema={"enum": event_types()})]
EventTypes = Annotated[list[EventType], Meta(max_length=50)]


class EventPage(Struct):
    """Events in the order of their positions; ask with `after` = `next` for what comes then."""

    items: list[EventView]
    next: int


class EndpointBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A new endpoint. Without event types it is sent every event."""

    url: Url
    description: Description = ""
    event_types: EventTypes = []


class EndpointChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change; null leaves a field as it is."""

    url: Url | None = None
    description: Description | None = None
    event_types: EventTypes | None = None
    state: Literal["active", "disabled"] | None = None


class EndpointPage(Struct):
    """One page of endpoints; `next` is the address of the next one, or null."""

    items: list[EndpointView]
    next: str | None


class EndpointRegistered(Struct):
    """A new endpoint, and the secret that is shown this once."""

    endpoint: EndpointView
    secret: str


class SecretRotated(Struct):
    """A new secret, shown this once; until `previous_expires_at` messages carry a signature by the one before too."""

    endpoint: EndpointView
    secret: str
    previous_expires_at: Moment


class TestSent(Struct):
    """The id of the event, and of the webhook, that the test made."""

    event_id: UUID


class DeliveryPage(Struct):
    """One page of deliveries; `next` is the address of the next one, or null."""

    items: list[DeliveryView]
    next: str | None


def secret_rotated(rotated: Rotated) -> SecretRotated:
    """Return what a rotation answers."""
    return SecretRotated(rotated.endpoint, rotated.secret, rotated.previous_expires_at)


EVENT_PAGE: dict[str, Any] = {
    "items": [
        {
            "id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a12",
            "type": "decision.scored",
            "position": 4711,
            "sequence": 1,
            "subject_type": "decision",
            "subject_id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5a11",
            "created_at": "2026-11-23T02:00:00Z",
            "data": {"version_id": "019ab1c2-0000-7000-8000-000000000001", "grade": "C"},
        }
    ],
    "next": 4711,
}
ENDPOINT: dict[str, Any] = {
    "id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5b01",
    "url": "https://hooks.bank.example/luopan",
    "description": "Loan desk",
    "event_types": ["consent.withdrawn", "decision.scored"],
    "state": "active",
    "disabled_reason": "",
    "created_at": "2026-11-23T02:00:00Z",
}
ENDPOINT_BODY: dict[str, Any] = {name: ENDPOINT[name] for name in ("url", "description", "event_types")}
_SHOWN_ONCE = {"endpoint": ENDPOINT, "secret": "<whsec_…>"}
REGISTERED: dict[str, Any] = {"request": ENDPOINT_BODY, "response": _SHOWN_ONCE}
ROTATED: dict[str, Any] = {"response": {**_SHOWN_ONCE, "previous_expires_at": "2026-11-24T02:00:00Z"}}
CHANGED: dict[str, Any] = {"request": {"state": "active"}, "response": ENDPOINT}
TESTED: dict[str, Any] = {"response": {"event_id": EVENT_PAGE["items"][0]["id"]}}
DELIVERY: dict[str, Any] = {
    "id": "019ab2f0-5b1e-7c3a-9f00-3f6f0b7d5c01",
    "endpoint_id": ENDPOINT["id"],
    "event_id": EVENT_PAGE["items"][0]["id"],
    "event_type": "decision.scored",
    "state": "waiting",
    "attempts": 2,
    "due_at": "2026-11-23T02:05:12Z",
    "attempted_at": "2026-11-23T02:00:06Z",
    "last_status": 503,
    "last_fault": "status",
    "created_at": "2026-11-23T02:00:01Z",
}
