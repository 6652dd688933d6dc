"""Events of institutions and their clients."""

from dataclasses import dataclass
from typing import ClassVar

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class InstitutionOnboarded(Payload):
    """An institution (or its sandbox) was opened."""

    TYPE: ClassVar[str] = "institution.onboarded"
    SUBJECT: ClassVar[str] = "institution"

    sandbox: bool


@dataclass(frozen=True, slots=True)
class InstitutionSuspended(Payload):
    """All clients of an institution are kept out."""

    TYPE: ClassVar[str] = "institution.suspended"
    SUBJECT: ClassVar[str] = "institution"


@dataclass(frozen=True, slots=True)
class InstitutionResumed(Payload):
    """The clients of a suspended institution are let in again."""

    TYPE: ClassVar[str] = "institution.resumed"
    SUBJECT: ClassVar[str] = "institution"


@dataclass(frozen=True, slots=True)
class ClientIssued(Payload):
    """An API client was issued to an institution."""

    TYPE: ClassVar[str] = "client.issued"
    SUBJECT: ClassVar[str] = "client"

    method: str


@dataclass(frozen=True, slots=True)
class ClientKeysReplaced(Payload):
    """An API client signs with other public keys from now on, or with some more; `key_ids` are all of them."""

    TYPE: ClassVar[str] = "client.keys_replaced"
    SUBJECT: ClassVar[str] = "client"

    key_ids: list[str]


@dataclass(frozen=True, slots=True)
class ClientSecretRotated(Payload):
    """A sandbox's API client has a new secret; the one before it is good for a day more."""

    TYPE: ClassVar[str] = "client.secret_rotated"
    SUBJECT: ClassVar[str] = "client"


@dataclass(frozen=True, slots=True)
class ClientRevoked(Payload):
    """An API client was revoked; its tokens are dead."""

    TYPE: ClassVar[str] = "client.revoked"
    SUBJECT: ClassVar[str] = "client"


@dataclass(frozen=True, slots=True)
class ClientLimited(Payload):
    """An API client may ask so much in a minute and in a day; None: as all others."""

    TYPE: ClassVar[str] = "client.limited"
    SUBJECT: ClassVar[str] = "client"

    per_minute: int | None
    per_day: int | None


@dataclass(frozen=True, slots=True)
class SandboxClockAdvanced(Payload):
    """The clock of a sandbox went forward by `days`, and is `offset_days` ahead now."""

    TYPE: ClassVar[str] = "sandbox.clock_advanced"
    SUBJECT: ClassVar[str] = "institution"

    days: int
    offset_days: int
