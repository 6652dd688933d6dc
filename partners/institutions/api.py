"""REST: the institution's own record, and its clients."""

import msgspec
from django.urls import path
from rest_framework.request import Request

from hub.api import ClientIdentity, Reply, Resource, caller, endpoint
from hub.lists import page
from partners.institutions import queries
from partners.institutions.queries import ClientView, InstitutionView

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
    "created_at": "2026-01-05T09:05:00Z",
    "revoked_at": None,
}


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


urlpatterns = [
    path("institution", InstitutionResource.as_view(), name="institution"),
    path("clients", ClientsResource.as_view(), name="clients"),
]
