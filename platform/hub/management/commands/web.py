"""`manage.py web`: the pages and the REST API."""

import argparse
import logging
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

THREADS = 8
STOP_S = 8
RELOAD_S = 20.0  # after SIGHUP both serve for so long: the new one has started by then, and only then the old one ends
HEAD_BYTES_MAX = 64 * 1024  # of a request's line and headers: more is 431


class Command(BaseCommand):
    """Serve HTTP until SIGTERM."""

    help = "Serve pages and the REST API on LUOPAN_BIND and LUOPAN_PORT."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Let the number of processes be chosen; each has threads of its own."""
        parser.add_argument("--processes", type=int, default=1)

    def handle(self, *_: Any, **options: Any) -> None:
        """Run granian in this process, its workers below it."""
        from granian.constants import HTTPModes, Interfaces
        from granian.http import HTTP1Settings
        from granian.server import Server

        os.environ.setdefault("OMP_NUM_THREADS", "1")
        logging.getLogger("_granian").addFilter(_no_advice)
        Server(
            "hub.wsgi:application",
            address=settings.BIND,
            port=settings.PORT,
            interface=Interfaces.WSGI,
            workers=options["processes"],
            blocking_threads=THREADS,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(max_buffer_size=HEAD_BYTES_MAX),
            websockets=False,
            respawn_failed_workers=True,
            respawn_interval=RELOAD_S,
            workers_kill_timeout=STOP_S,
            log_dictconfig=LOGGERS,
        ).serve()


def _no_advice(record: logging.LogRecord) -> bool:
    # The threads wait for the disk, not for a core: more of them than cores is meant.
    return not record.getMessage().startswith("Configuration allows spawning up to")


# Its lines go the way of all others: through the root logger and `hub.observe`.
LOGGERS: dict[str, Any] = {
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "level": "INFO", "propagate": True}},
}
