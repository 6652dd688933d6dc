"""Strong entity tags, and the If-Match that a change of a versioned row needs (RFC 9110 section 13.1.1)."""

import re
from dataclasses import dataclass
from typing import Self

from rest_framework.request import Request

from hub.errors import Malformed, PreconditionFailed, PreconditionRequired

_TAG = re.compile(r'[ \t]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)')
_HEADER_MAX = 1_000
_ONE = r'(W/)?"[!#-~\u0080-\u00ff]*"'
HEADER_SCHEMA = {
    "type": "string",
    "maxLength": _HEADER_MAX,
    "pattern": rf"^(\*|{_ONE}([ \t]*,[ \t]*{_ONE})*,?)$",
    "examples": ["*"],
}
"""What a JSON Schema can say of If-Match."""


def etag(*version: object) -> str:
    """Return the strong tag of a version, such as "3-2"."""
    return f'"{"-".join(str(part) for part in version)}"'


@dataclass(frozen=True, slots=True)
class Match:
    """What a caller believes to be the present version: one of these tags, or with None whatever it is."""

    tags: frozenset[str] | None = None

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read If-Match: `PreconditionRequired` where it is missing, `Malformed` where it is no list of tags."""
        header = request.META.get("HTTP_IF_MATCH", "").strip()
        if not header:
            raise PreconditionRequired("Send If-Match with the ETag that you read: others may have changed it since.")
        if header == "*":
            return cls()
        tags, at = [], 0
        while at < len(header) <= _HEADER_MAX and (found := _TAG.match(header, at)):
            tags.append(found[1])
            at = found.end()
        if at < len(header) or not tags:
            raise Malformed('If-Match is a list of quoted tags, such as "3", or *.')
        return cls(frozenset(tags))

    def require(self, tag: str) -> None:
        """Raise `PreconditionFailed` unless the present version is one of them; weak tags match nothing."""
        if self.tags is not None and tag not in self.tags:
            raise PreconditionFailed("It was changed after you read it: read it again, and send its new ETag.")


ANY = Match()
"""Whatever the present version is: for callers that hold the row's page open, not its tag."""
