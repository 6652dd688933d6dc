"""Tasks for the tests of the broker. Each writes what it did to a file, one line at a time."""

import os
import time
from pathlib import Path

from celery import shared_task


def note(path: str, line: str) -> None:
    """Append one line, whole, whoever else writes."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, f"{line}\n".encode())
    os.close(file)


@shared_task
def write(path: str, line: str) -> None:
    """Write the line."""
    note(path, line)


@shared_task
def write_time(path: str) -> None:
    """Write the seconds since the epoch at which the task began."""
    note(path, repr(time.time()))


@shared_task
def slow(path: str, line: str, seconds: float) -> None:
    """Write the line's beginning, work, write its end."""
    note(path, f"{line} begin {os.getpid()}")
    time.sleep(seconds)
    note(path, f"{line} end")


@shared_task
def dies(path: str) -> None:
    """Take the worker's child down, every time."""
    note(path, "dies")
    os._exit(1)


@shared_task
def dies_once(path: str) -> None:
    """Take the worker's child down at the first attempt."""
    first = not Path(path).exists()
    note(path, "attempt")
    if first:
        os._exit(1)


@shared_task
def sends_another(path: str, queue: str) -> None:
    """Send a task from the worker's child."""
    write.apply_async((path, "sent by a child"), queue=queue)
