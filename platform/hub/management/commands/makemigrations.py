"""`makemigrations` compares with what the database has seen, which only the owner may read outside a scope."""

from typing import Any

from django.core.management.commands import makemigrations

from hub.db.base import as_owner


class Command(makemigrations.Command):
    """Django's `makemigrations`, as the owner."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run Django's command with the owner's connection."""
        with as_owner():
            super().handle(*args, **options)
