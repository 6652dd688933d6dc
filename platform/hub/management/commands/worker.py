"""`manage.py worker QUEUE`: a Celery worker."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from hub.celery import QUEUES, WORKER_FLAGS, app


class Command(BaseCommand):
    """Run tasks until SIGTERM (finish what is in hand) or SIGQUIT (give it back)."""

    help = "Run the tasks of one queue or several."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the queues and the number of pool processes."""
        parser.add_argument("queues", nargs="+", choices=QUEUES)
        parser.add_argument("--concurrency", type=int, default=1)

    def handle(self, *_: Any, **options: Any) -> None:
        """Hand over to Celery in this process."""
        queues = ",".join(options["queues"])
        words = ["--quiet", "worker", "--loglevel=INFO", f"--queues={queues}", f"--hostname={queues}@%h"]
        app.worker_main([*words, f"--concurrency={options['concurrency']}", *WORKER_FLAGS])
