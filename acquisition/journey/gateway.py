"""How a one-time code reaches a telephone: an interface, and the console that stands in for it in development."""

import os
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog
from django.conf import settings
from django.utils.module_loading import import_string

from hub.errors import Unavailable

log = structlog.get_logger(__name__)


class CodeGateway(Protocol):
    """What an operator's text message service must offer; LUOPAN_CODE_GATEWAY names the class."""

    def send(self, *, application_id: UUID, phone: str, digits: str, text: str) -> None:
        """Send `text`, which holds the code `digits`, to `phone` (E.164). It must answer within seconds."""
        ...


class ConsoleGateway:
    """For development and sandboxes: the code goes to this process's log and to a file that only its owner may read."""

    def send(self, *, application_id: UUID, phone: str, digits: str, text: str) -> None:  # noqa: ARG002 - goes nowhere
        """Write it down; neither number nor text is kept."""
        log.info("one_time_code_for_development", application=str(application_id), digits=digits)
        folder = code_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = folder / f"{application_id}.{os.getpid()}"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(digits)
        draft.replace(folder / str(application_id))


def code_folder() -> Path:
    """Where the console's codes lie, one file by application."""
    return Path(settings.LUOPAN_HOME) / "codes"


def shows_codes(*, sandbox: bool) -> bool:
    """Tell whether codes go to the console: in every sandbox, and in development while no service is named."""
    return sandbox or not (settings.CODE_GATEWAY or settings.PRODUCTION)


def gateway_for(*, sandbox: bool) -> CodeGateway:
    """Return the gateway of a world; `Unavailable` in production where none is set up."""
    if shows_codes(sandbox=sandbox):
        return ConsoleGateway()
    if not settings.CODE_GATEWAY:
        raise Unavailable("No service for text messages is set up: set LUOPAN_CODE_GATEWAY.")
    made: CodeGateway = import_string(settings.CODE_GATEWAY)()
    return made
