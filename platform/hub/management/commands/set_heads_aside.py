"""`manage.py set_heads_aside`: after a restore, the audit's chain goes on from where the database now ends."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from hub import sealing
from hub.seal_file import SealFile
from hub.tenancy import platform_scope


class Command(BaseCommand):
    """Name the seals that the restored database no longer has; keep their signed heads in a file of their own."""

    help = "After a restore to an earlier moment: set aside the exported heads of seals that lie after it."

    def handle(self, *_: Any, **__: Any) -> None:
        """Until this has run, verify_audit names these seals as cut off, and no further one is exported."""
        with platform_scope():
            last = sealing.last_head()
        beyond = SealFile(settings.SEALS).set_aside(after=last.number if last else 0)
        for head in beyond:
            self.stdout.write(f"seal {head.number} of {head.sealed_at:%Y-%m-%d %H:%M:%S} UTC, {head.rows} audit rows")
        self.stdout.write(f"{len(beyond)} heads set aside, over {sum(head.rows for head in beyond)} audit rows")
