"""`manage.py verify_audit` tells whether the audit rows are still those that were sealed."""

import sys
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from hub import audit_check, sealing
from hub.clock import now
from hub.seal_file import SealFile
from hub.tenancy import platform_scope


class Command(BaseCommand):
    """Name every audit row that was edited, removed or cut off; exit with 1 where there is one."""

    help = "Verify the audit rows against their seals and the exported heads."

    def handle(self, *_: Any, **__: Any) -> None:
        """Go through the chain; print each fault, then the figures."""
        file = SealFile(settings.SEALS)
        with platform_scope():
            faults = islice(audit_check.verify(file), audit_check.NAMED_MAX)
            found = sum(1 for fault in faults if self.stdout.write(f"{fault.kind}: {fault.sentence}") or True)
            tail = sealing.tail(now=now())
            head = sealing.last_head()
        sealed = f"{head.number} seals, the last of {head.sealed_at:%Y-%m-%d %H:%M:%S} UTC" if head else "no seal yet"
        self.stdout.write(f"{sealed}; {tail.rows} rows wait for a seal, the oldest for {tail.age_s:.0f} s")
        for aside in file.aside():
            self.stdout.write(f"heads that a restore has set aside: {aside}")
        self.stdout.write(f"{found} faults" if found else "every sealed row is as it was")
        if found:
            sys.exit(1)
