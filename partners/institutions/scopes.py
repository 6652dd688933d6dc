"""What a client may be allowed to do."""

from typing import Any

SCOPES = {
    "institution:read": "Read the institution's own record and its clients",
    "products:write": "Read and change own products and their budgets",
    "policy:write": "Write, submit and approve own credit policies",
    "referrals:read": "Read the referrals received, their packages, consents and contracts",
    "decisions:write": "Decide on referrals",
    "loans:report": "Report on own loans; move a sandbox's clock",
    "scores:write": "Score, read and replay own decisions",
    "books:write": "Hand in loan books and read how they were taken",
    "events:read": "Read the event log and long-running jobs",
    "webhooks:manage": "Register webhook endpoints, and have deliveries sent again",
}


class ClientScopes:
    """OAuth scopes, client by client (SCOPES_BACKEND_CLASS)."""

    def get_all_scopes(self) -> dict[str, str]:
        """Return every scope with its meaning."""
        return SCOPES

    def get_available_scopes(self, application: Any = None, **_: Any) -> list[str]:
        """Return what this client may ask for."""
        return list(application.scopes) if application is not None else []

    def get_default_scopes(self, application: Any = None, **_: Any) -> list[str]:
        """Return what a token carries where none was asked for: all that the client may."""
        return self.get_available_scopes(application)
