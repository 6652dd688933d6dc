"""Reads of institutions and clients."""

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from hub.errors import NotFound
from hub.parsing import Moment
from partners.institutions.models import Client, Institution


@dataclass(frozen=True, slots=True)
class InstitutionView:
    """An institution as others see it. A sandbox names in `live_id` the institution it belongs to."""

    id: UUID
    name: str
    jurisdiction: str
    sandbox: bool
    live_id: UUID | None
    is_active: bool
    created_at: Moment


@dataclass(frozen=True, slots=True)
class ClientView:
    """An API client as others see it: never its secret. Its limits are of requests, to all web processes together."""

    client_id: str
    institution_id: UUID
    name: str
    method: str
    scopes: list[str]
    sandbox: bool
    key_ids: list[str]
    per_minute: int
    per_day: int
    created_at: Moment
    revoked_at: Moment | None


@dataclass(frozen=True, slots=True)
class ClockView:
    """What the clock of a sandbox shows, and how many days it is ahead."""

    now: Moment
    offset_days: int


# What a tenant may read of its clients; the rights in the database say the same.
_OPEN_COLUMNS = (
    "id", "client_id", "institution_id", "name", "method", "scopes", "sandbox", "jwks", "created", "revoked_at",
    "per_minute", "per_day",
)  # fmt: skip


def get_institution(*, institution_id: UUID) -> InstitutionView:
    """Return one institution; `NotFound` where there is none, or the open scope may not see it."""
    found = Institution.objects.filter(id=institution_id).first()
    if found is None:
        raise NotFound()
    return institution_view(found)


def all_institutions() -> list[InstitutionView]:
    """Return every institution by name. Platform scope."""
    return [institution_view(institution) for institution in Institution.objects.order_by("name")]


def clients_of(institution_id: UUID) -> QuerySet[Client]:
    """Return the clients of an institution, with the columns that it may read itself."""
    rows: QuerySet[Client] = Client.objects.filter(institution_id=institution_id)
    return rows.only(*_OPEN_COLUMNS)


def institution_view(institution: Institution) -> InstitutionView:
    """Make the view of a row."""
    return InstitutionView(
        id=institution.id,
        name=institution.name,
        jurisdiction=institution.jurisdiction,
        sandbox=institution.is_sandbox,
        live_id=institution.live_id,
        is_active=institution.is_active,
        created_at=institution.created_at,
    )


def client_view(client: Client) -> ClientView:
    """Make the view of a row."""
    return ClientView(
        client_id=client.client_id,
        institution_id=client.institution_id,
        name=client.name,
        method=client.method,
        scopes=client.scopes,
        sandbox=client.sandbox,
        key_ids=[key["kid"] for key in client.jwks.get("keys", [])],
        per_minute=client.per_minute or settings.CLIENT_PER_MINUTE,
        per_day=client.per_day or settings.CLIENT_PER_DAY,
        created_at=client.created,
        revoked_at=client.revoked_at,
    )
