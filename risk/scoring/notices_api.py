"""Pins by REST: an institution goes on being scored by the version before, for a while."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.urls import path
from msgspec import Struct
from rest_framework.request import Request

from hub.api import Reply, Resource, caller, decode, endpoint
from hub.clock import now
from hub.errors import Conflict, NotFound
from hub.parsing import Moment
from risk.scoring import pins
from risk.scoring.models import VersionPin


class PinBody(Struct, frozen=True, forbid_unknown_fields=True):
    """Until when to hold on to a version: 90 days at most."""

    until: Moment


class PinAnswer(Struct, frozen=True):
    """A pin: until `until`, the institution's own scores and files are scored by this version of the line."""

    id: UUID
    model_line: str
    version_id: UUID
    number: int
    state: Literal["champion", "retired"]
    pinned_at: datetime
    until: datetime


_REQUEST = {"until": "2026-12-20T00:00:00+00:00"}
_RESPONSE: dict[str, Any] = {
    "id": "019ab1c2-0000-7000-8000-00000000000a", "model_line": "consumer",
    "version_id": "019ab1c2-0000-7000-8000-000000000001", "number": 3, "state": "champion",
    "pinned_at": "2026-11-24T00:00:00+00:00", "until": "2026-12-20T00:00:00+00:00",
}  # fmt: skip


def _answer(row: VersionPin) -> PinAnswer:
    state: Any = row.version.state
    line = row.version.line.name
    return PinAnswer(row.id, line, row.version_id, row.version.number, state, row.pinned_at, row.until)


class ModelPin(Resource):
    """The institution's hold on a version."""

    @endpoint(scope="institution:read", answer=PinAnswer, raises=(NotFound,), examples={"response": _RESPONSE})
    def get(self, request: Request, model_id: UUID) -> Reply:
        """Read until when you have pinned a version; 404 where you have not."""
        return Reply(_answer(pins.open_pin(institution_id=caller(request).institution_id, version_id=model_id)))

    @endpoint(
        scope="scores:write", idempotent=True, body=PinBody, answer=PinAnswer, raises=(NotFound, Conflict),
        examples={"request": _REQUEST, "response": _RESPONSE},
    )  # fmt: skip
    def post(self, request: Request, model_id: UUID) -> Reply:
        """Pin a champion, or the version that stood before one, for your own scores and files; or move its end.

        It ends by itself, 90 days after another version took over at the latest; a week before and at the end an event
        tells. A version that is rolled back is pinned no more, and an event tells that too. 409 where another version
        of the line is pinned.
        """
        client = caller(request)
        # An unknown one is unknown whatever the body says.
        pins.version_in_use(institution_id=client.institution_id, version_id=model_id)
        body = decode(request, PinBody)
        row = pins.pin(
            institution_id=client.institution_id, version_id=model_id, until=body.until, actor=client.actor, now=now()
        )
        return Reply(_answer(row))

    @endpoint(scope="scores:write", answer=PinAnswer, raises=(NotFound,), examples={"response": _RESPONSE})
    def delete(self, request: Request, model_id: UUID) -> Reply:
        """Release what is pinned: the champion scores again from now on."""
        client = caller(request)
        row = pins.release(institution_id=client.institution_id, version_id=model_id, actor=client.actor, now=now())
        return Reply(_answer(row))


urlpatterns = [path("models/<uuid:model_id>/pin", ModelPin.as_view(), name="model-pin")]
