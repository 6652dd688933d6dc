"""What can stand in a borrower's way. The pages tell each reason in his language."""

from typing import ClassVar

from hub.errors import Conflict, FieldError, Invalid, TooMany


class Blocked(Conflict):
    """The application's present state does not allow this step: it was done before, or another one comes first."""

    code = "application_blocked"
    title = "The application does not allow this now"

    STEP_FIRST: ClassVar[str] = "step_first"
    SENT: ClassVar[str] = "already_sent"
    OPEN_ELSEWHERE: ClassVar[str] = "open_application"
    OFFER_GONE: ClassVar[str] = "offer_gone"
    NOT_NOW: ClassVar[str] = "not_now"
    OFFLINE: ClassVar[str] = "no_model"
    ASKED_OFTEN: ClassVar[str] = "asked_too_often"

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail)
        self.reason = reason


class CodesRefused(TooMany):
    """No further one-time code goes out now: a limit of the number, of the caller or of the platform is reached."""

    code = "too_many_codes"
    title = "Too many one-time codes"

    ON_ITS_WAY: ClassVar[str] = "on_its_way"
    NUMBER: ClassVar[str] = "number"
    GUESSES: ClassVar[str] = "guesses"
    DESTINATION: ClassVar[str] = "destination"
    ADDRESS: ClassVar[str] = "address"
    PLATFORM: ClassVar[str] = "platform"

    def __init__(self, reason: str, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)
        self.reason = reason


def wrong(field: str, code: str, detail: str) -> Invalid:
    """Make the refusal of one answer."""
    return Invalid([FieldError(f"/{field}", code, detail)])
