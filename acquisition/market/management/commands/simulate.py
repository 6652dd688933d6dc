"""`manage.py simulate`: the simulated market, in a database of its own."""

import gc
import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from acquisition.market import cycles, figures
from acquisition.market.phones import PHONES
from acquisition.market.simulation import Plan
from hub.db.spare import fresh_database

# The day after the one on which the book of the years before was looked up, by its mapping.
START = date(2025, 2, 1)


class Command(BaseCommand):
    """Let simulated people borrow, and tell whether the loop makes the model better."""

    help = "Run the simulated market through the platform's services, in a new database of its own."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--applicants", type=int, required=True, metavar="N", help="people who apply")
        parser.add_argument("--months", type=int, required=True, metavar="M", help="how many months pass")
        parser.add_argument("--seed", type=int, required=True, metavar="S", help="the same seed, the same market")
        parser.add_argument("--cycles", type=int, default=4, metavar="K", help="parts of the time; before each but the "
                            "first the model is retrained")  # fmt: skip
        parser.add_argument("--json", action="store_true", help="one JSON line per cycle on standard output")
        parser.add_argument("--no-drift", action="store_true", help="the economy stays as it was")
        parser.add_argument("--shuffle-labels", action="store_true", help="who repays has nothing to do with who it is")
        parser.add_argument("--first-model-rows", type=int, default=800, metavar="N",
                            help="loans that the first model learns from")  # fmt: skip
        parser.add_argument("--svg", type=Path, metavar="FILE", help="where the figure goes (LUOPAN_HOME/market/...)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run it; progress goes to standard error where `--json` is given."""
        _check(options)
        seed = options["seed"]
        plan = Plan(
            options["applicants"], options["months"], seed, START, drift=not options["no_drift"],
            shuffle_labels=options["shuffle_labels"],
        )  # fmt: skip
        settings.CODE_GATEWAY = PHONES
        gc.freeze()  # what is loaded stays: see hub.wsgi
        gc.set_threshold(20_000, 20, 20)
        say = self.stderr.write if options["json"] else self.stdout.write
        done = []
        name = f"luopan_market_{seed}"
        with _told_plainly(name):
            for cycle in cycles.run(
                plan, cycles=options["cycles"], first_model_rows=options["first_model_rows"], say=say
            ):
                done.append(cycle)
                self.stdout.write(json.dumps(cycle.plain()) if options["json"] else figures.told(cycle))
                self.stdout.flush()
        path = options["svg"] or settings.LUOPAN_HOME / "market" / f"seed-{seed}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(figures.drawn(done))
        say(f"drawn in {path}; the market's data is in the database {name}")


def _check(options: dict[str, Any]) -> None:
    """Refuse what makes no market."""
    low = {"applicants": 1, "months": 1, "cycles": 1, "first_model_rows": 200, "seed": 0}
    for name, least in low.items():
        if options[name] < least:
            raise CommandError(f"--{name.replace('_', '-')} is at least {least}.")
    if options["cycles"] > options["months"]:
        raise CommandError("--cycles is at most --months: a cycle lasts a month at least.")


@contextmanager
def _told_plainly(name: str) -> Iterator[None]:
    """Run in a new database of this name; say in a sentence where none can be made."""
    try:
        with fresh_database(name):
            yield
    except OperationalError as error:
        raise CommandError(f"The database {name} cannot be made: {str(error).strip()}") from error
