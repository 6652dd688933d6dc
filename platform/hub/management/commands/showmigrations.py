"""`showmigrations` compares with what the database has seen, which only the owner may read outside a scope."""

from typing import Any

from django.core.management.commands import showmigrations

from hub.db.base import as_owner


class Command(showmigrations.Command):
    """Django's `showmigrations`, as the owner."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run Django's command with the owner's connection."""
        with as_owner():
            super().handle(*args, **options)
