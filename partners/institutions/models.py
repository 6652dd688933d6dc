"""Institutions and their API clients."""

from typing import ClassVar

from django.db import models
from oauth2_provider.models import AbstractApplication

from hub.clock import now
from hub.ids import uuid7

SCOPES = {
    "institution:read": "Read the institution's own record",
    "scores:write": "Score, read and replay own decisions",
    "books:write": "Hand in loan books and read how they were taken",
    "events:read": "Read the event log and long-running jobs",
}


class Institution(models.Model):
    """A licensed lender, or its sandbox: a second tenant of the same organisation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120)
    jurisdiction = models.CharField(max_length=2, help_text="ISO 3166-1 alpha-2, such as HK.")
    live = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="sandboxes",
        help_text="Of a sandbox: the institution it belongs to.",
    )  # fmt: skip
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="institutions_institution_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_sandbox(self) -> bool:
        """Whether this is a sandbox tenant."""
        return self.live_id is not None


class Client(AbstractApplication):
    """An API credential of one institution: a sandbox secret, or a public key (`private_key_jwt`)."""

    SECRET: ClassVar[str] = "client_secret"
    KEY: ClassVar[str] = "private_key_jwt"

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="clients")
    method = models.CharField(max_length=20, choices=[(SECRET, SECRET), (KEY, KEY)])
    scopes = models.JSONField(default=list)
    jwks = models.JSONField(default=dict, blank=True, help_text="Public keys (RFC 7517); never a private one.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.institution} {self.client_id}"
