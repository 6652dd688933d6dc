"""What can stand in a borrower's way. The pages tell each reason in his language."""

from typing import ClassVar

from hub.errors import Conflict, FieldError, Invalid


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

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail)
        self.reason = reason


def wrong(field: str, code: str, detail: str) -> Invalid:
    """Make the refusal of one answer."""
    return Invalid([FieldError(f"/{field}", code, detail)])
