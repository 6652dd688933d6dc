"""Ten thousand steps of the loop in any order, and a million under `make soak-state`: nothing that must hold breaks."""

import os
import sys
import time

import pytest
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from hub.db.base import as_owner
from hub.tenancy import platform_scope
from partners.delivery.models import Delivery
from partners.loans.models import Loan, Outcome
from partners.referrals import models as referral_models
from partners.referrals.models import Referral
from tests.harness import count
from tests.state.machine import Loop

STEPS = int(os.environ.get("STATE_STEPS", count(10_000, soak=1_000_000)))
ENDS = ("funded", "declined", "withdrawn", "expired")
ROUNDS, KEPT_S = 20, 300  # until the tables are emptied: what a life left undone must not grow old meanwhile
FIRST_SEED = int(os.environ.get("STATE_SEED", "1"))
LIVES = settings(
    # Nothing is shrunk: rows of earlier lives lie in the same tables, so a shorter life would inherit the breach.
    max_examples=20, stateful_step_count=80, deadline=None, database=None, print_blob=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.timeout(0)
@pytest.mark.django_db(transaction=True)
def test_whatever_they_do_in_whatever_order() -> None:
    go_without_fsync()
    Loop.steps = Loop.refused = 0
    lived: dict[str, int] = {}
    number, emptied_s = FIRST_SEED, time.monotonic()
    while Loop.steps < STEPS:
        run_state_machine_as_test(seed(number)(Loop), settings=LIVES)
        number += 1
        sys.stderr.write(f"seeds {FIRST_SEED} to {number - 1}: {Loop.steps} steps, {Loop.refused} of them refused\n")
        if number % ROUNDS == 0 or time.monotonic() - emptied_s > KEPT_S:
            lived, emptied_s = figures(), time.monotonic()
            empty()
    lived = lived or figures()
    assert all(lived.values()), f"of these nothing ever came about: {lived}"
    assert Loop.refused < Loop.steps * 0.6


def figures() -> dict[str, int]:
    """How often the way was gone to its ends."""
    with platform_scope():
        ends = {state: Referral.objects.filter(state=state).count() for state in ENDS}
        return {**ends, "loans": Loan.objects.count(), "outcomes": Outcome.objects.count(),
                "delivered": Delivery.objects.filter(state="delivered").count()}  # fmt: skip


def empty() -> None:
    """Begin with empty tables again: checks go over all rows."""
    with as_owner():
        call_command("flush", verbosity=0, interactive=False)
    referral_models._kept_catalogues.clear()
    go_without_fsync()


def go_without_fsync() -> None:
    """It is not the disk that is tried here."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
