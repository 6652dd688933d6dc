"""Migrations run as the owner of the tables, never as the application's role."""

from typing import Any

from django.core.management.commands import migrate

from hub.db.base import as_owner


class Command(migrate.Command):
    """Django's `migrate`, as the owner."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run Django's command with the owner's connection."""
        with as_owner():
            super().handle(*args, **options)
