"""`compilemessages` where Django's own would need gettext's tools: run it after a change of a `.po` file."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from hub import catalogues


class Command(BaseCommand):
    """Write the `.mo` beside each `.po` of ours."""

    help = __doc__ or ""
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Compile all of them."""
        for path in catalogues.sources(settings.BASE_DIR):
            path.with_suffix(".mo").write_bytes(catalogues.compiled(path.read_text()))
            self.stdout.write(str(path.relative_to(settings.BASE_DIR)))
