"""`manage.py worker QUEUE`: a Celery worker."""

import argparse
import os
from typing import Any

from celery.signals import worker_process_init
from django.core.management.base import BaseCommand

from hub.celery import QUEUES, WORKER_FLAGS, app

TRAINING_NICENESS = 10  # of 19: about a tenth of the processor where others want it, all of it where nobody does


def give_way(**_: Any) -> None:
    """Take little of a busy processor: in the process that trains, so that its worker still starts and ends at once."""
    os.nice(TRAINING_NICENESS)


class Command(BaseCommand):
    """Run tasks until SIGTERM (finish what is in hand) or SIGQUIT (give it back)."""

    help = "Run the tasks of one queue or several."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take the queues and the number of pool processes."""
        parser.add_argument("queues", nargs="+", choices=QUEUES)
        parser.add_argument("--concurrency", type=int, default=1)

    def handle(self, *_: Any, **options: Any) -> None:
        """Hand over to Celery in this process; trainings give way to whoever waits for an answer."""
        if options["queues"] == ["training"]:
            worker_process_init.connect(give_way)
        queues = ",".join(options["queues"])
        words = ["--quiet", "worker", "--loglevel=INFO", f"--queues={queues}", f"--hostname={queues}@%h"]
        app.worker_main([*words, f"--concurrency={options['concurrency']}", *WORKER_FLAGS])
