"""What `manage.py rotate_master_key` and `rotate_index_key` have in common."""

import sys
from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import BaseCommand

from hub import rotation
from hub.audit import system_actor
from hub.clock import now
from hub.tenancy import platform_scope


class RotateCommand(BaseCommand):
    """Renew what other keys have made; exit with 1 while anything of theirs is left."""

    kind: ClassVar[str]
    variable: ClassVar[str]

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--check`."""
        parser.add_argument("--check", action="store_true", help="count what is left, change nothing")

    def handle(self, *_: Any, check: bool, **__: Any) -> None:
        """Print each column with its figures, then whether the other keys may be dropped."""
        results = (
            rotation.look(kind=self.kind, scope=platform_scope)
            if check
            else rotation.rotate(
                kind=self.kind, scope=platform_scope, clock=now, actor=system_actor("rotation"), say=self.stderr.write
            )
        )
        left = sum([self._tell(result) for result in results])
        name = rotation.key_name(self.kind) or "the only one"
        if left:
            self.stdout.write(f"{left} values are not of the first key ({name}): keep {self.variable} as it is.")
            sys.exit(1)
        self.stdout.write(f"Nothing is left of other keys than the first ({name}). {self.variable} may be emptied once")
        self.stdout.write("every process runs with this first key: look again then, with --check, and drop it.")

    def _tell(self, result: rotation.Result) -> int:
        line = f"{result.column}: {result.renewed} renewed, {result.left} left"
        if result.gone_at:
            line += f", deleted by themselves until {result.gone_at:%Y-%m-%d %H:%M} UTC"
        if result.broken:
            line += f", no known key opens {', '.join(map(str, result.broken))}"
        self.stdout.write(line)
        return result.left
