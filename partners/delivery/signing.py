"""Standard Webhooks 1.0: secrets, signatures, and how a receiver verifies them. Pure: no database, no clock."""

import base64
import hmac
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
TOLERANCE_S = 300
_VERSION = "v1"


class SignatureRefused(Exception):
    """A message proves nothing; the text says why and quotes nothing of it."""


def new_secret() -> str:
    """Return a secret of 32 random bytes in the form that receivers are given: `whsec_` and base64."""
    return PREFIX + base64.b64encode(os.urandom(32)).decode()


def unix_seconds(at: datetime) -> int:
    """Return the `webhook-timestamp` of a moment in any time zone; ValueError for one without."""
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone is no moment")
    return int(at.astimezone(UTC).timestamp())


def sign(*, secret: str, message_id: str, at: datetime, body: bytes) -> str:
    """Return one entry of `webhook-signature`: v1, HMAC-SHA256 over id, timestamp and body."""
    return _signature(_key(secret), message_id, str(unix_seconds(at)), body)


def headers(*, secrets: Sequence[str], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers of a message, with one signature for each secret that is valid now."""
    signatures = [sign(secret=secret, message_id=message_id, at=at, body=body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(unix_seconds(at)),
        "webhook-signature": " ".join(signatures),
    }


def verify(
    *, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime, tolerance_s: int = TOLERANCE_S
) -> str:
    """Return the id of a message that one of the secrets has signed; `SignatureRefused` for any other.

    For receivers. A message may come more than once: whoever has seen the id before has dealt with it.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, sent = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not message_id or not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise SignatureRefused("webhook-id or webhook-timestamp is missing, or is none.")
    if abs(unix_seconds(now) - int(sent)) > tolerance_s:
        raise SignatureRefused(f"webhook-timestamp is more than {tolerance_s} s away.")
    entries = [entry.encode() for entry in given.get("webhook-signature", "").split(" ")]
    expected = [_signature(_key(secret), message_id, sent, body).encode() for secret in secrets]
    if not any(hmac.compare_digest(entry, one) for entry in entries for one in expected):
        raise SignatureRefused("No signature in webhook-signature is the right one.")
    return message_id


def _signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    message = f"{message_id}.{timestamp}.".encode() + body
    return f"{_VERSION},{base64.b64encode(hmac.digest(key, message, 'sha256')).decode()}"


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if len(key) not in SECRET_BYTES:
        raise ValueError("a webhook secret is whsec_ and the base64 of 24 to 64 bytes")
    return key
