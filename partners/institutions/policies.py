"""What a client may be given."""

from collections.abc import Sequence

from hub.errors import Conflict, FieldError, Invalid
from partners.institutions.models import Client, Institution
from partners.institutions.scopes import SCOPES


def check_may_issue(institution: Institution, method: str) -> None:
    """Refuse a secret outside a sandbox (`Invalid`), and any client of a suspended institution (`Conflict`)."""
    if not institution.is_active:
        raise Conflict("The institution is suspended: resume it first.")
    if method not in (Client.SECRET, Client.KEY):
        raise Invalid([FieldError("/method", "unknown_value", f"Send one of: {Client.SECRET}, {Client.KEY}.")])
    if method == Client.SECRET and not institution.is_sandbox:
        raise Invalid([FieldError("/method", "secret_in_live", f"A live client signs in by {Client.KEY}.")])


def check_scopes(scopes: Sequence[str]) -> list[str]:
    """Return the scopes sorted and once each; `Invalid` for an unknown one, or none at all."""
    unknown = sorted(set(scopes) - SCOPES.keys())
    if unknown or not scopes:
        raise Invalid([FieldError("/scopes", "unknown_scope", f"Choose among: {', '.join(SCOPES)}.")])
    return sorted(set(scopes))
