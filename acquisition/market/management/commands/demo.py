"""`manage.py demo`: data to look at, and who may sign in."""

import os
from argparse import ArgumentParser
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from acquisition.market import demo
from acquisition.market.phones import PHONES

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Fill the demonstration; a second run finds everything."""

    help = "Make the demonstration's data, or tell how to sign in to it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--sign-ins", action="store_true", help="print who may sign in, and the API client")
        parser.add_argument("--grow", action="store_true", help="let LUOPAN_DEMO_APPLICANTS simulated people borrow")
        parser.add_argument("--code", metavar="EMAIL", help="print the six digits of this moment")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make what is missing. Sign-ins are printed on request only, so that no log holds them."""
        if not settings.DEMO:
            raise CommandError("This is no demonstration: set LUOPAN_DEMO=1 to make it one.")
        if options["code"]:
            self.stdout.write(demo.code_of(self._sign_in(options["code"])))
            return
        if options["grow"]:
            settings.CODE_GATEWAY = PHONES  # of this process alone
            os.nice(10)
            self._grow()
            return
        if not options["sign_ins"]:
            demo.prepare(home=settings.LUOPAN_HOME, say=self._say)
            return
        self._say("Sign-ins of the demonstration; the six digits: manage.py demo --code EMAIL")
        for entry in demo.Notebook(settings.LUOPAN_HOME).sign_ins.values():
            if entry.password:
                self._say(f"  {entry.login:30} password {entry.password}")
            else:
                self._say(f"  {entry.name}: client_id {entry.login} client_secret {entry.secret}")

    def _grow(self) -> None:
        """Nothing hangs on these people: where they stop, all else goes on."""
        try:
            demo.grow(home=settings.LUOPAN_HOME, applicants=settings.DEMO_APPLICANTS, say=self._say)
        except Exception as error:
            log.exception("simulated_borrowers_stopped", kind=type(error).__name__)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _sign_in(self, email: str) -> demo.SignIn:
        known = demo.Notebook(settings.LUOPAN_HOME).sign_ins
        if email not in known:
            raise CommandError(f"Nobody of the demonstration has this address: {', '.join(known) or 'run it first'}.")
        return known[email]
