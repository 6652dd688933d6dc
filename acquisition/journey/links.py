"""Links for coming back: signed, and good for two weeks. Whoever has one still needs the code sent to the telephone."""

from datetime import datetime, timedelta
from uuid import UUID

from django.core.signing import BadSignature, Signer

from hub.errors import NotFound

LIFE = timedelta(days=14)
_SALT = "journey.resume"


def make(*, application_id: UUID, now: datetime) -> tuple[str, datetime]:
    """Return a token and its end."""
    ends = now + LIFE
    return Signer(salt=_SALT).sign_object([str(application_id), int(ends.timestamp())]), ends


def read(*, token: str, now: datetime) -> UUID:
    """Return whose token it is; `NotFound` where it is not ours, or too old."""
    try:
        application_id, ends = Signer(salt=_SALT).unsign_object(token)
    except (BadSignature, ValueError) as error:
        raise NotFound("The link is not one of ours.") from error
    if ends <= now.timestamp():
        raise NotFound("The link is too old.")
    return UUID(application_id)
