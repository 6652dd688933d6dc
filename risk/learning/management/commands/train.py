"""`manage.py train --line NAME`: fit, check and register a new version of a model line, here and now."""

import json
import time
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from hub.audit import system_actor
from hub.clock import now
from hub.errors import DomainError
from hub.leases import Busy, LeaseLost
from hub.tenancy import platform_scope
from risk.learning import queries, services, training
from risk.learning.models import TrainingRun
from risk.scoring import facade as scoring

ACTOR = system_actor("train")


class Command(BaseCommand):
    """Carries the training out in the foreground; begun again after a fall, it goes on from its checkpoints."""

    help = "Train a model line on the matured labels of its books; the version then waits for two approvals."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the arguments."""
        parser.add_argument("--line", required=True, help="the model line")
        parser.add_argument("--institution", type=UUID, help="the institution's id; without, the platform's own line")
        parser.add_argument("--seed", type=int, default=services.DEFAULT_SEED)
        parser.add_argument("--recipe", default="{}", help='settings that differ from the usual, as JSON: {"bags": 2}')

    def handle(self, *_args: Any, **options: Any) -> None:
        """Queue the run, or find the unfinished one; carry it out; say what came of it."""
        try:
            run = self._train(self._request(options))
        except DomainError as error:
            raise CommandError("\n".join([str(error), *(one.detail for one in error.errors)])) from error
        if run.state != "done":
            raise CommandError(f"The training is {run.state}. {run.failure}".strip())
        self.stdout.write(f"Version {run.version_id} waits for two approvals.")

    def _request(self, options: dict[str, Any]) -> UUID:
        try:
            recipe = json.loads(options["recipe"])
        except ValueError as error:
            raise CommandError('Write the recipe as JSON, such as {"bags": 2}.') from error
        with platform_scope():
            line = scoring.find_line(name=options["line"], institution_id=options["institution"])
            run = services.resume_or_request_training(
                line_id=line.id, requested_by=None, actor=ACTOR, now=now(), seed=options["seed"], recipe=recipe
            )
        return run.id

    def _train(self, run_id: UUID) -> TrainingRun:
        while True:
            try:
                return training.train(run_id=run_id, scope=platform_scope, clock=now, actor=ACTOR, progress=self._show)
            except (Busy, LeaseLost):  # a worker is at it, or was until it fell: wait for its lease to end
                time.sleep(1)
                with platform_scope():
                    self._show(queries.run_by_id(run_id=run_id))

    def _show(self, run: TrainingRun) -> None:
        self.stdout.write(f"  {run.percent:3d} %  {run.step}")
