"""`manage.py beat`: sends the tasks of `hub.schedule` when they are due. One process of the whole installation."""

from typing import Any

from django.core.management.base import BaseCommand

from hub.celery import app


class Command(BaseCommand):
    """Run Celery's beat until SIGTERM."""

    help = "Send scheduled tasks; run exactly one of it."
    requires_system_checks = ()

    def handle(self, *_: Any, **__: Any) -> None:
        """Hand over to Celery in this process."""
        app.start(["--quiet", "beat", "--loglevel=INFO", "--pidfile="])
