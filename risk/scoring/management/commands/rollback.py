"""`manage.py rollback --line NAME`: put the champion back that stood before the present one."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from hub.audit import system_actor
from hub.clock import now
from hub.errors import DomainError
from hub.tenancy import platform_scope
from risk.scoring import notices, queries, registry

ACTOR = system_actor("rollback")


class Command(BaseCommand):
    """Needs no approvals: both people approved the older version when it was promoted."""

    help = "Make the previous champion of a model line the champion again, at once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--line", required=True, help="the model line")
        parser.add_argument("--institution", type=UUID, help="the institution's id; without, the platform's own line")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Roll back and name the version that scores from now on."""
        try:
            with platform_scope():
                line = queries.line_by_name(name=options["line"], institution_id=options["institution"])
                version = registry.roll_back(line_id=line.id, actor=ACTOR, now=now())
                stands = notices.standing(line_id=line.id)
        except DomainError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Version {version.number} ({version.id}) is the champion of {options['line']} again.")
        for one in stands:
            self.stdout.write(one)
