"""`manage.py make_demo_book FILE --rows N --seed S`: write the generated consumer book."""

import gzip
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from risk.learning.demo_book import MAPPING, demo_csv


class Command(BaseCommand):
    """Needs no database."""

    help = "Write a generated consumer loan book as CSV (gzip where FILE ends in .gz)."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--rows", type=int, default=8_000)
        parser.add_argument("--seed", type=int, default=42)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the file."""
        path: Path = options["file"]
        try:
            text = "".join(demo_csv(rows=options["rows"], seed=options["seed"])).encode()
            # Without a name and a time in its header the same book is the same file.
            path.write_bytes(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['rows']} rows in {path}; import it with --mapping {MAPPING}.")
