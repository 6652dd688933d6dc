"""The telephones of the simulated people: the gateway that a simulation names for one-time codes."""

from typing import ClassVar
from uuid import UUID

# What LUOPAN_CODE_GATEWAY would say.
PHONES = "acquisition.market.phones.Phones"


class Phones:
    """Keeps the last code that came for each application, until its owner reads it."""

    _codes: ClassVar[dict[UUID, str]] = {}

    def send(self, *, application_id: UUID, phone: str, digits: str, text: str) -> None:  # noqa: ARG002 - a gateway's
        """Take a message."""
        self._codes[application_id] = digits

    @classmethod
    def read(cls, application_id: UUID) -> str:
        """Return the code and forget it."""
        return cls._codes.pop(application_id)
