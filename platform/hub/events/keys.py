"""Events of keys."""

from dataclasses import dataclass
from typing import ClassVar

from hub.events.base import Payload


@dataclass(frozen=True, slots=True)
class KeyRotated(Payload):
    """A batch of `rows` values was sealed or indexed anew under the named key; `digest` is over their ids."""

    TYPE: ClassVar[str] = "key.rotated"
    SUBJECT: ClassVar[str] = "key_rotation"

    kind: str
    key: str
    column: str
    rows: int
    digest: str
