"""`manage.py check_invariants` tells whether everything holds that must always hold."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from hub.clock import now
from hub.invariant_report import InvariantReport
from hub.tenancy import platform_scope


class Command(BaseCommand):
    """Print each invariant with its figure; exit with 1 where one is broken."""

    help = "Check the invariants I1 to I11 on the live database."

    def handle(self, *_: Any, **__: Any) -> None:
        """Run every check in one transaction, so that the console tells the same as this."""
        with platform_scope():
            rows = InvariantReport.renew(now=now())
        for row in rows:
            verdict = f"BROKEN {row.wrong}: {', '.join(row.examples)}" if row.wrong else "holds"
            self.stdout.write(f"{row.code:4} {row.looked_at:9}  {row.says}: {verdict}")
        if any(row.wrong for row in rows):
            sys.exit(1)
