"""What happens to accounts, as events."""

from dataclasses import dataclass
from typing import ClassVar

from hub.events import Payload


@dataclass(frozen=True, slots=True)
class AccountOpened(Payload):
    """An administrator gave out an account."""

    TYPE: ClassVar[str] = "account.opened"
    SUBJECT: ClassVar[str] = "user"

    is_staff: bool


@dataclass(frozen=True, slots=True)
class AccountChanged(Payload):
    """An administrator changed somebody's account: `change` says what."""

    TYPE: ClassVar[str] = "account.changed"
    SUBJECT: ClassVar[str] = "user"

    change: str
    detail: str
