"""A small API of its own for tests of the kernel: beside the product's, so that its errors and pages are met too."""

from uuid import UUID

import msgspec
from django.db import IntegrityError, connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework.request import Request

from hub import outbox, urls
from hub.api import Reply, Resource, caller, decode, endpoint
from hub.clock import now
from hub.errors import Conflict, Erased, NotFound, TooMany
from hub.events import ConsentWithdrawn
from hub.ids import uuid7
from hub.lists import page
from hub.outbox import OutboxEvent


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    purpose: str
    sleep_s: float = 0
    fail: str = ""


def fail_as(name: str) -> None:
    if name == "conflict":
        raise Conflict("Not now.", retry_after_s=7)
    if name == "erased":
        raise Erased()
    if name == "many":
        raise TooMany(retry_after_s=3)
    if name == "bug":
        raise RuntimeError("a secret of the program")
    if name == "timeout":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '20ms'")
            cursor.execute("SELECT pg_sleep(5)")
    if name == "unnamed":
        raise IntegrityError("a secret of the program")


class Things(Resource):
    @endpoint(scope="scores:write", idempotent=True, body=Thing, status=201)
    def post(self, request: Request, kind: str = "") -> Reply:
        body = decode(request, Thing)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(%s)", [body.sleep_s])
        identity = caller(request)
        event = ConsentWithdrawn(uuid7(), identity.institution_id, person_id=uuid7(), purpose=body.purpose)
        event_id = outbox.publish(event, actor=identity.actor, now=now())
        fail_as(body.fail)
        if body.fail == "duplicate":
            OutboxEvent.objects.bulk_create([row(event_id, identity.institution_id)])
        return Reply({"id": event_id}, status=201, headers={"Location": f"/api/v1/things/{event_id}"})

    @endpoint(scope="events:read")
    def get(self, request: Request) -> Reply:
        return page(request, OutboxEvent.objects.all(), lambda event: {"id": event.id})


def row(event_id: UUID, institution_id: UUID) -> OutboxEvent:
    return OutboxEvent(
        id=event_id, institution_id=institution_id, type="x", subject_type="x", subject_id=event_id, payload={},
        created_at=now(),
    )  # fmt: skip


class ThingDetail(Resource):
    @endpoint(scope="events:read")
    def get(self, request: Request, thing_id: UUID) -> Reply:
        found = OutboxEvent.objects.filter(id=thing_id).first()
        if found is None:
            raise NotFound()
        return Reply({"id": found.id, "purpose": found.payload["purpose"]})

    def put(self, request: Request, thing_id: UUID) -> Reply:
        """Forgotten to be made an endpoint: it must not be reachable."""
        return Reply({"reached": True})


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret of the program")


urlpatterns = [
    path("api/v1/things", Things.as_view(), name="things"),
    path("api/v1/<slug:kind>/things", Things.as_view(), name="things"),
    path("api/v1/things/<uuid:thing_id>", ThingDetail.as_view(), name="thing"),
    path("oauth/broken", broken),
    path("broken", broken),
    *urls.urlpatterns,
]
handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
