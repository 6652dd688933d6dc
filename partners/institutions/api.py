"""REST: the institution's own record, its clients, and the clock of its sandbox."""

from datetime import date
from typing import Annotated, Any, ClassVar

import msgspec
from django.urls import path
from rest_framework.request import Request

from hub.api import ClientIdentity, Reply, Resource, caller, decode, endpoint
from hub.clock import now
from hub.described import only
from hub.errors import NotFound
from hub.lists import page
from partners.institutions import queries, services
from partners.institutions.queries import ClientView, ClockView, InstitutionView

_INSTITUTION = {
    "id": "0198c5a8-3f2e-7b10-8c11-5d2f7a9e4c01",
    "name": "Harbour Bank (sandbox)",
    "jurisdiction": "HK",
    "sandbox": True,
    "live_id": "0198c5a8-3f2e-7b10-8c11-5d2f7a9e4c00",
    "is_active": True,
    "created_at": "2026-01-05T09:00:00Z",
}
_CLIENT = {
    "client_id": "Yb3mT0sWq1",
    "institution_id": _INSTITUTION["id"],
    "name": "Loan desk",
    "method": "private_key_jwt",
    "scopes": ["institution:read", "scores:write"],
    "sandbox": True,
    "key_ids": ["2026-01"],
    "per_minute": 120_000,
    "per_day": 20_000_000,
    "created_at": "2026-01-05T09:05:00Z",
    "revoked_at": None,
}


_CLOCK = {"request": {"advance_days": 31}, "response": {"now": "2026-02-05T09:00:00Z", "offset_days": 31}}


class ClientPage(msgspec.Struct):
    """One page of clients; `next` is the address of the next one, or null."""

    items: list[ClientView]
    next: str | None


class InstitutionResource(Resource):
    """The caller's institution."""

    @endpoint(scope="institution:read", answer=InstitutionView, examples={"response": _INSTITUTION})
    def get(self, request: Request) -> Reply:
        """Read the institution's own record."""
        return Reply(queries.get_institution(institution_id=caller(request).institution_id))


class ClientsResource(Resource):
    """The caller's API clients."""

    @endpoint(scope="institution:read", answer=ClientPage, examples={"response": {"items": [_CLIENT], "next": None}})
    def get(self, request: Request) -> Reply:
        """List the institution's API clients, revoked ones included, oldest first."""
        identity: ClientIdentity = caller(request)
        return page(request, queries.clients_of(identity.institution_id), queries.client_view, order=("created", "id"))


class ClockBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the clock goes forward: by so many days, or to a later day; one of the two."""

    advance_days: Annotated[int, msgspec.Meta(ge=1, le=3_660)] | None = None
    to: date | None = None

    RULES: ClassVar[dict[str, Any]] = {
        "oneOf": [only({}, needed={name}, of=("advance_days", "to")) for name in ("advance_days", "to")]
    }


class SandboxClockResource(Resource):
    """The caller's clock, if it is a sandbox."""

    @endpoint(
        scope="loans:report", idempotent=True, body=ClockBody, answer=ClockView, raises=(NotFound,), examples=_CLOCK
    )
    def post(self, request: Request) -> Reply:
        """Let days pass for this sandbox alone: reports fall due, windows close. 404 to live clients."""
        body, client = decode(request, ClockBody), caller(request)
        return Reply(
            services.advance_clock(
                institution_id=client.institution_id, advance_days=body.advance_days, to=body.to, actor=client.actor,
                now=now(),
            )
        )  # fmt: skip


urlpatterns = [
    path("institution", InstitutionResource.as_view(), name="institution"),
    path("clients", ClientsResource.as_view(), name="clients"),
    path("sandbox/clock", SandboxClockResource.as_view(), name="sandbox-clock"),
]
