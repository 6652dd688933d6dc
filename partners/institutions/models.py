"""Institutions, their API clients, the keys their tokens are bound to, and the assertions that they have used."""

import hashlib
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import AbstractApplication, ApplicationManager

from hub.api_auth import ClientIdentity
from hub.clock import now
from hub.db.quick import Question
from hub.ids import uuid7
from hub.limits import Limits


class Institution(models.Model):  # type: ignore[django-manager-missing]  # the toolkit's class hides that of Client
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
        constraints = [
            models.UniqueConstraint(fields=["name"], name="institutions_institution_name"),
            models.CheckConstraint(
                name="institutions_institution_jurisdiction", condition=models.Q(jurisdiction__regex=r"^[A-Z]{2}$")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_sandbox(self) -> bool:
        """Whether this is a sandbox tenant."""
        return self.live_id is not None

    @classmethod
    def open(cls, *, name: str, jurisdiction: str, live: Self | None, now: datetime) -> Self:
        """Make an institution, or with `live` a sandbox of it."""
        made = cls(name=name, jurisdiction=jurisdiction, live=live, created_at=now)
        made.save(force_insert=True)
        return made

    def set_active(self, active: bool) -> None:
        """Let its clients in, or keep all of them out."""
        self.is_active = active
        self.save(update_fields=["is_active"])


_IS_LIVE = """
EXISTS (SELECT FROM institutions_client c JOIN institutions_institution i ON i.id = c.institution_id
WHERE c.client_id = %s AND c.revoked_at IS NULL AND i.is_active)
"""


class ClientManager(ApplicationManager):  # type: ignore[misc]  # the toolkit carries no types
    """Finds clients."""

    def identify(self, *, token_checksum: str, now: datetime) -> tuple[ClientIdentity, datetime] | None:
        """Return whose good token this is, with the scopes that token and client share, and its end. Platform scope.

        The token of a live client is none unless it is bound to a key.
        """
        rows = self.filter(
            accesstoken__token_checksum=token_checksum, accesstoken__expires__gt=now,
            revoked_at__isnull=True, institution__is_active=True,
        ).values_list(
            "institution_id", "client_id", "scopes", "accesstoken__scope", "sandbox", "per_minute", "per_day",
            "accesstoken__binding__thumbprint", "accesstoken__expires",
        )[:1]  # fmt: skip
        for institution_id, client_id, allowed, granted, sandbox, minute, day, thumbprint, expires_at in rows:
            if not sandbox and not thumbprint:
                return None
            scopes = frozenset(allowed) & frozenset(granted.split())
            limits = Limits.shared(minute or settings.CLIENT_PER_MINUTE, day or settings.CLIENT_PER_DAY)
            return ClientIdentity(institution_id, client_id, scopes, sandbox, limits, thumbprint or ""), expires_at
        return None

    def liveness(self, client_id: str) -> Question:
        """Ask whether the client may act now. Tenant scope; in SQL, as each request to the API asks."""
        return Question(_IS_LIVE, (client_id,))


class Client(AbstractApplication):  # type: ignore[misc]  # the toolkit carries no types
    """An API credential of one institution: a sandbox secret, or public keys (`private_key_jwt`)."""

    SECRET: ClassVar[str] = "client_secret"  # noqa: S105 - the method's name
    KEY: ClassVar[str] = "private_key_jwt"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="clients")
    sandbox = models.BooleanField(editable=False)
    method = models.CharField(max_length=20, choices=[(SECRET, SECRET), (KEY, KEY)])
    scopes = models.JSONField(default=list)
    jwks = models.JSONField(default=dict, blank=True, help_text="Public keys (RFC 7517); never a private one.")
    per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Requests; empty: as all others.")
    per_day = models.PositiveIntegerField(null=True, blank=True, help_text="Requests; empty: as all others.")
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    previous_secret = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    previous_secret_until = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[ClientManager] = ClientManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="institutions_client_live_by_key",
                condition=models.Q(sandbox=True) | models.Q(method="private_key_jwt"),
            ),
            models.CheckConstraint(
                name="institutions_client_keys_fit_method",
                condition=models.Q(method="private_key_jwt") & ~models.Q(jwks={})
                | models.Q(method="client_secret", jwks={}),
            ),
            models.CheckConstraint(
                name="institutions_client_credentials_only",
                condition=models.Q(
                    client_type="confidential", authorization_grant_type="client-credentials", hash_client_secret=True
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.client_id})"

    @classmethod
    def issue(
        cls, *, institution: Institution, name: str, method: str, scopes: list[str], jwks: dict[str, Any]
    ) -> tuple[Self, str]:
        """Make a client; return it with its secret, which is kept as a hash only ("" for one with keys)."""
        secret = generate_client_secret()
        made = cls(
            institution=institution, sandbox=institution.is_sandbox, name=name, method=method, scopes=scopes,
            jwks=jwks, client_id=generate_client_id(), client_secret=secret, client_type=cls.CLIENT_CONFIDENTIAL,
            authorization_grant_type=cls.GRANT_CLIENT_CREDENTIALS,
        )  # fmt: skip
        made.save(force_insert=True)
        return made, secret if method == cls.SECRET else ""

    def limit(self, *, per_minute: int | None, per_day: int | None) -> None:
        """Give it limits of its own; None for those of all others."""
        self.per_minute, self.per_day = per_minute, per_day
        self.save(update_fields=["per_minute", "per_day", "updated"])

    def replace_keys(self, jwks: dict[str, Any]) -> None:
        """Let it sign with these keys and no others."""
        self.jwks = jwks
        self.save(update_fields=["jwks", "updated"])

    def rotate_secret(self, *, until: datetime) -> str:
        """Give it a new secret and return it; the one before is good until then, any older one is out."""
        secret = str(generate_client_secret())
        before: str = self.client_secret  # type: ignore[has-type]  # the toolkit carries none; it is a hash
        self.previous_secret, self.previous_secret_until, self.client_secret = before, until, secret
        self.save(update_fields=["client_secret", "previous_secret", "previous_secret_until", "updated"])
        return secret

    def revoke(self, *, now: datetime) -> None:
        """End it: no new tokens, and those it has are dead."""
        self.revoked_at = now
        self.save(update_fields=["revoked_at", "updated"])

    def is_usable(self, request: object) -> bool:  # noqa: ARG002 - the toolkit's signature
        """Whether tokens may be issued to it now; the toolkit asks."""
        return self.revoked_at is None and self.institution.is_active


class TokenBinding(models.Model):
    """The key that an access token is bound to: who shows the token must show a proof of this key (RFC 9449)."""

    token = models.OneToOneField(
        "oauth2_provider.AccessToken", primary_key=True, on_delete=models.CASCADE, related_name="binding"
    )
    thumbprint = models.CharField(max_length=43, editable=False)

    def __str__(self) -> str:
        return self.thumbprint

    @classmethod
    def bind(cls, *, token: models.Model, thumbprint: str) -> None:
        """Bind a new token to a key."""
        cls.objects.create(token=token, thumbprint=thumbprint)


class UsedAssertion(models.Model):
    """A `jti` that a client has used: a second use finds it here. Kept until the assertion has expired."""

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="used_assertions")
    digest = models.BinaryField(editable=False)
    expires_at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "digest"], name="institutions_usedassertion_once")]
        indexes = [models.Index(fields=["expires_at"], name="institutions_usedassertion_age")]

    def __str__(self) -> str:
        return f"{self.client_id} {self.expires_at:%Y-%m-%d %H:%M}"

    @classmethod
    def use(cls, *, client_pk: UUID, jti: str, expires_at: datetime) -> bool:
        """Note the first use and return True; False for any later one, however close behind it comes."""
        # Two uses may meet: the unique constraint lets one of them insert, and the other then finds its row.
        _, first = cls.objects.get_or_create(
            client_id=client_pk, digest=hashlib.sha256(jti.encode()).digest(), defaults={"expires_at": expires_at}
        )
        return first
