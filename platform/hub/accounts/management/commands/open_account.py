"""`manage.py open_account EMAIL --name NAME`: the first administrator, and whoever else needs an account."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hub.accounts import services
from hub.accounts.policies import Role
from hub.audit import system_actor
from hub.clock import now
from hub.errors import DomainError
from hub.tenancy import platform_scope


class Command(BaseCommand):
    """Gives out an account and prints its first password, which is kept as a hash only."""

    help = "Give out an account for the console; --administrator for the one who gives out all others there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("email")
        parser.add_argument("--name", required=True)
        parser.add_argument("--role", action="append", default=[], choices=[role.value for role in Role])
        parser.add_argument("--administrator", action="store_true", help="holds every role and gives out accounts")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Open it, and print the password once."""
        try:
            with platform_scope():
                made = services.open_account(
                    email=options["email"], name=options["name"], roles=[Role(role) for role in options["role"]],
                    administrator=options["administrator"], actor=system_actor("open_account"), now=now(),
                )  # fmt: skip
        except DomainError as error:
            raise CommandError("\n".join([error.detail, *(one.detail for one in error.errors)])) from error
        self.stdout.write(f"First password, shown this once: {made.password}")
        self.stdout.write("The first sign-in asks for a second factor: an authenticator app or a passkey.")
