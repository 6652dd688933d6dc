"""REST: the event log, webhook endpoints and deliveries.

Webhooks are sent in the time of those who receive them: `now()` here is the system's for sandboxes too, whatever their
own clock says.
"""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from hub.api import Reply, Resource, caller, decode, endpoint
from hub.clock import now
from hub.errors import Conflict, FieldError, Invalid
from hub.lists import page, read_limit
from partners.delivery import queries, serializers, services
from partners.delivery.flows import DELIVERY
from partners.delivery.queries import DeliveryView, EndpointView
from partners.delivery.serializers import (
    DeliveryPage,
    EndpointBody,
    EndpointChange,
    EndpointPage,
    EndpointRegistered,
    EventPage,
    SecretRotated,
    TestSent,
)

_POSITION_MAX = 2**63


class Events(Resource):
    """The event log."""

    query = (
        OpenApiParameter(
            name="after", type={"type": "integer", "minimum": 0, "maximum": _POSITION_MAX - 1, "default": 0},
            description="The position to read on from: `next` of the answer before.",
        ),
    )  # fmt: skip

    @endpoint(scope="events:read", answer=EventPage, examples={"response": serializers.EVENT_PAGE})
    def get(self, request: Request) -> Reply:
        """Read the institution's events behind a position, in order.

        Positions are given after the commit: an event that appears late appears behind what was read, so whoever reads
        on from `next` misses nothing. `next` stays as it was while there is nothing new.
        """
        after = _position(request)
        found = queries.events_after(
            institution_id=caller(request).institution_id, position=after, limit=read_limit(request)
        )
        return Reply(EventPage(found, found[-1].position if found else after))


class WebhookEndpoints(Resource):
    """The institution's webhook endpoints."""

    @endpoint(
        scope="webhooks:manage", answer=EndpointPage,
        examples={"response": {"items": [serializers.ENDPOINT], "next": None}},
    )  # fmt: skip
    def get(self, request: Request) -> Reply:
        """List the endpoints, oldest first."""
        return page(request, queries.endpoints_of(caller(request).institution_id), queries.endpoint_view)

    @endpoint(
        scope="webhooks:manage", idempotent=True, body=EndpointBody, answer=EndpointRegistered, status=201,
        examples=serializers.REGISTERED,
    )  # fmt: skip
    def post(self, request: Request) -> Reply:
        """Register an endpoint; its secret is shown this once.

        The URL is https, on port 443, and every address of its host is public. A sandbox may also use plain
        http to the loopback, on a port from 1024 on, where the platform allows it.
        """
        body, client = decode(request, EndpointBody), caller(request)
        made, secret = services.register_endpoint(
            institution_id=client.institution_id, url=body.url, description=body.description,
            event_types=body.event_types, actor=client.actor, now=now(),
        )  # fmt: skip
        place = {"Location": f"/api/v1/webhook-endpoints/{made.id}"}
        return Reply(EndpointRegistered(made, secret), status=201, headers=place)


class WebhookEndpointDetail(Resource):
    """One webhook endpoint."""

    @endpoint(scope="webhooks:manage", answer=EndpointView, examples={"response": serializers.ENDPOINT})
    def get(self, request: Request, endpoint_id: UUID) -> Reply:  # noqa: ARG002 - the scope is in the transaction
        """Read an endpoint.

        It is disabled with the reason `gone` once it has answered 410, with `failing` when it has taken nothing for
        five days.
        """
        return Reply(queries.endpoint(endpoint_id=endpoint_id))

    @endpoint(scope="webhooks:manage", body=EndpointChange, answer=EndpointView, examples=serializers.CHANGED)
    def patch(self, request: Request, endpoint_id: UUID) -> Reply:
        """Change an endpoint, disable it or let it be active again.

        What waits for it as it is disabled is parked, and can be sent again; later events stand in the log.
        """
        queries.endpoint(endpoint_id=endpoint_id)  # an unknown one is unknown whatever the body says
        body = decode(request, EndpointChange)
        changed = services.change_endpoint(
            endpoint_id=endpoint_id, url=body.url, description=body.description, event_types=body.event_types,
            state=body.state, actor=caller(request).actor, now=now(),
        )  # fmt: skip
        return Reply(changed)

    @endpoint(
        scope="webhooks:manage", answer=EndpointView,
        examples={"response": {**serializers.ENDPOINT, "state": "removed"}},
    )  # fmt: skip
    def delete(self, request: Request, endpoint_id: UUID) -> Reply:
        """Remove an endpoint and its secrets for good; what waited for it is parked."""
        actor = caller(request).actor
        return Reply(services.remove_endpoint(endpoint_id=endpoint_id, actor=actor, now=now()))


class WebhookEndpointTest(Resource):
    """A message of no consequence."""

    @endpoint(
        scope="webhooks:manage", idempotent=True, answer=TestSent, status=202, raises=(Conflict,),
        examples=serializers.TESTED,
    )  # fmt: skip
    def post(self, request: Request, endpoint_id: UUID) -> Reply:
        """Have a `webhook_endpoint.tested` sent to this endpoint, whatever types it asked for."""
        event_id = services.send_test(endpoint_id=endpoint_id, actor=caller(request).actor, now=now())
        return Reply(TestSent(event_id), status=202)


class WebhookEndpointSecret(Resource):
    """The secret of an endpoint."""

    @endpoint(scope="webhooks:manage", idempotent=True, answer=SecretRotated, examples=serializers.ROTATED)
    def post(self, request: Request, endpoint_id: UUID) -> Reply:
        """Make a new secret, shown this once; for a day messages are signed with the one before as well."""
        rotated = services.rotate_secret(endpoint_id=endpoint_id, actor=caller(request).actor, now=now())
        return Reply(serializers.secret_rotated(rotated))


class Deliveries(Resource):
    """What is on its way to the endpoints."""

    query = (
        OpenApiParameter(name="state", type={"type": "string", "enum": DELIVERY.states}, description="Only these."),
        OpenApiParameter(
            name="endpoint_id", type={"type": "string", "format": "uuid"}, description="Only to this endpoint."
        ),
        OpenApiParameter(name="event_id", type={"type": "string", "format": "uuid"}, description="Only of this event."),
    )

    @endpoint(
        scope="webhooks:manage", answer=DeliveryPage,
        examples={"response": {"items": [serializers.DELIVERY], "next": None}},
    )  # fmt: skip
    def get(self, request: Request) -> Reply:
        """List deliveries, oldest first. A `parked` one failed at every attempt, or its endpoint was disabled."""
        rows = queries.deliveries_of(caller(request).institution_id, **_narrowed(request))
        return page(request, rows, queries.delivery_view)


class DeliveryResend(Resource):
    """A delivery, once more."""

    @endpoint(
        scope="webhooks:manage", idempotent=True, answer=DeliveryView, status=202, raises=(Conflict,),
        examples={"response": {**serializers.DELIVERY, "attempts": 0}},
    )  # fmt: skip
    def post(self, request: Request, delivery_id: UUID) -> Reply:
        """Have a delivery sent again now, whatever became of it, with the same id and body and all its attempts."""
        row = services.resend(delivery_id=delivery_id, actor=caller(request).actor, now=now())
        return Reply(row, status=202)


def _position(request: Request) -> int:
    text = request.query_params.get("after", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) < _POSITION_MAX):
        raise Invalid([FieldError("", "invalid_position", "Let ?after= be `next` of the answer before, or 0.")])
    return int(text)


def _narrowed(request: Request) -> dict[str, Any]:
    given = {
        name: request.query_params[name]
        for name in ("state", "endpoint_id", "event_id")
        if name in request.query_params
    }
    if given.get("state", DELIVERY.first) not in DELIVERY.states:
        raise Invalid([FieldError("", "invalid_state", f"Let ?state= be one of: {', '.join(DELIVERY.states)}.")])
    try:
        return {name: text if name == "state" else UUID(text) for name, text in given.items()}
    except ValueError:
        raise Invalid([FieldError("", "invalid_id", "Let ?endpoint_id= and ?event_id= be UUIDs.")]) from None


urlpatterns = [
    path("events", Events.as_view(), name="events"),
    path("webhook-endpoints", WebhookEndpoints.as_view(), name="webhook-endpoints"),
    path("webhook-endpoints/<uuid:endpoint_id>", WebhookEndpointDetail.as_view(), name="webhook-endpoint"),
    path("webhook-endpoints/<uuid:endpoint_id>/test", WebhookEndpointTest.as_view(), name="webhook-endpoint-test"),
    path(
        "webhook-endpoints/<uuid:endpoint_id>/rotate-secret",
        WebhookEndpointSecret.as_view(),
        name="webhook-endpoint-rotate-secret",
    ),
    path("deliveries", Deliveries.as_view(), name="deliveries"),
    path("deliveries/<uuid:delivery_id>/resend", DeliveryResend.as_view(), name="delivery-resend"),
]
