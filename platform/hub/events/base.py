"""What every payload is, and how a stored one is read again."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self
from uuid import UUID

_known: dict[str, type["Payload"]] = {}
_names: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Payload:
    """The base of every payload. TYPE is `noun.past_participle`; SUBJECT names the kind of thing it is about."""

    TYPE: ClassVar[str] = ""
    SUBJECT: ClassVar[str] = ""

    subject_id: UUID
    institution_id: UUID | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super(Payload, cls).__init_subclass__(**kwargs)
        _known[cls.TYPE] = cls

    def body(self) -> dict[str, Any]:
        """Return the payload as JSON values; UUIDs become text."""
        names = _names.get(self.TYPE) or _names.setdefault(self.TYPE, tuple(field.name for field in fields(self)))
        values = [(name, getattr(self, name)) for name in names]
        return {name: str(value) if type(value) is UUID else value for name, value in values}

    @classmethod
    def read(cls, body: dict[str, Any]) -> Self:
        """Make the payload of a stored body again."""
        ids = {field.name for field in fields(cls) if "UUID" in str(field.type)}
        return cls(**{name: UUID(value) if name in ids and value else value for name, value in body.items()})


def read(event_type: str, body: dict[str, Any]) -> Payload:
    """Make the typed payload of a stored event; a KeyError for a type that no code declares."""
    return _known[event_type].read(body)


def known_types() -> dict[str, type[Payload]]:
    """Every declared event type."""
    return dict(_known)
