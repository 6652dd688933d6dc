"""`python -m tests.benchmarks.matching`: one application against 500 live products, through score, match, reservation.

Everything is on: consents, sealing, the routing ledger, audit rows, events, commits. One thread and one connection, so
never more than one core is at work: `value` is applications in a second of that thread. `p99_ms` is one match, its
commit included. Afterwards I1 is checked over every budget; where it does not hold, nothing is printed.
"""

import gc
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from tests.benchmarks.common import median, percentile, print_line

PRODUCTS = int(os.environ.get("BENCH_PRODUCTS", "500"))
BANKS = 20
APPLICATIONS = int(os.environ.get("BENCH_APPLICATIONS", "600"))
WARM_UP = 50
ROUND = 100


@dataclass
class Timed:
    """Milliseconds of each application and of its match, and how many were offered something and accepted."""

    whole: list[float] = field(default_factory=list)
    match: list[float] = field(default_factory=list)
    offered: int = 0
    accepted: int = 0
    cpu_s: float = 0.0


def main() -> None:
    """Set up a world of products, send applications through it, print one line."""
    with tempfile.TemporaryDirectory(prefix="luopan-bench-") as home:
        os.environ.update(LUOPAN_HOME=home, DJANGO_SETTINGS_MODULE="hub.settings", OMP_NUM_THREADS="1")
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        dice = random.Random(7)
        make_world(dice)
        for _ in range(WARM_UP):
            apply(dice, Timed())
        analyze()
        gc.collect()
        gc.freeze()  # as the web processes do: see hub.wsgi
        gc.set_threshold(20_000, 20, 20)
        timed = Timed()
        began = time.process_time()
        for _ in range(APPLICATIONS):
            apply(dice, timed)
        timed.cpu_s = time.process_time() - began
        refuse_unless_budgets_hold(timed)
        show(timed)


def show(timed: Timed) -> None:
    """Print the line."""
    rounds = [timed.whole[at : at + ROUND] for at in range(0, len(timed.whole), ROUND)]
    rates = [len(one) / (sum(one) / 1000) for one in rounds]
    print_line(
        "matching", median(rates), "applications/s per core through score, matching and reservation",
        p50_ms=round(percentile(timed.match, 0.5), 3), p99_ms=round(percentile(timed.match, 0.99), 3),
        application_p50_ms=round(percentile(timed.whole, 0.5), 3),
        application_p99_ms=round(percentile(timed.whole, 0.99), 3),
        python_cpu_ms=round(1000 * timed.cpu_s / len(timed.whole), 3),
        products=PRODUCTS, applications=len(timed.whole), offered=timed.offered, accepted=timed.accepted,
        runs=len(rounds), i1="holds",
    )  # fmt: skip


def make_world(dice: random.Random) -> None:
    """Make the model, and live products of twenty banks with policies and budgets of their own."""
    from tests.factories import make_institution
    from tests.partners.product_factory import make_live
    from tests.risk.registry_factory import make_champion, make_line

    make_champion(make_line("bench"))
    banks = [make_institution(sandbox=False).id for _ in range(BANKS)]
    for at in range(PRODUCTS):
        base = dice.uniform(4, 20)
        make_live(
            banks[at % BANKS], rules=rules(dice), name=f"Product {at}",
            terms=sorted(dice.sample([6, 12, 18, 24, 36, 48, 60], k=3)), amount_min="5000.00",
            method=dice.choice(["equal_instalment", "equal_principal"]),
            fee_percent=dice.choice(["0", "0.5", "1", "2"]),
            grid={grade: f"{base * factor:.2f}" for grade, factor in zip("ABCDE", (1, 1.2, 1.5, 2, 3), strict=True)},
            caps={"cap_amount": str(dice.randrange(200_000, 5_000_000))},
        )  # fmt: skip


def analyze() -> None:
    """Let the planner know the tables, as autovacuum does within a minute."""
    from django.db import connection

    from hub.db.base import as_owner

    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()


def rules(dice: random.Random) -> list[dict[str, Any]]:
    """Six rules, most of which most applicants pass."""
    chosen = [
        ("monthly_income", ">=", dice.randrange(5000, 30000)), ("card_utilisation", "<=", dice.randrange(30, 100)),
        ("debt_service", "<=", dice.randrange(20, 60)), ("inquiries_6m", "<=", dice.randrange(2, 9)),
        ("grade", "in", list("ABCDE"[: dice.randrange(2, 6)])), ("delinquencies_24m", "<=", dice.randrange(0, 4)),
    ]  # fmt: skip
    return [{"fact": fact, "op": op, "value": value, "code": f"{fact}_rule"} for fact, op, value in chosen]


def applicant(dice: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the model asks, and what policies may ask, of one person."""
    income, used = dice.uniform(8000, 60000), dice.uniform(0, 90)
    asked = {"income": income, "utilisation": used, "housing": dice.choice(["own", "rent", "family"])}
    facts = {
        "monthly_income": income, "card_utilisation": used, "housing": asked["housing"],
        "debt_service": dice.uniform(0, 50), "inquiries_6m": dice.randrange(0, 6), "employment": "employed",
        "delinquencies_24m": dice.choice([0, 0, 0, 1]), "open_accounts": dice.randrange(1, 9),
        "history_months": dice.randrange(6, 240), "purpose": "other",
    }  # fmt: skip
    return asked, facts


def apply(dice: random.Random, timed: Timed) -> None:
    """Send one person through: consent, score and case; match; accept the cheapest offer that is still there."""
    asked, facts = applicant(dice)
    amount, months = Decimal(dice.randrange(60, 900) * 100), dice.choice([6, 12, 24, 36, 60])
    began = time.perf_counter()
    application_id = score_and_open(asked, facts, amount, months)
    before = time.perf_counter()
    offers = match(application_id)
    timed.match.append((time.perf_counter() - before) * 1000)
    timed.offered += bool(offers)
    timed.accepted += any(accept(application_id, offer.id) for offer in offers[:3])
    timed.whole.append((time.perf_counter() - began) * 1000)


def score_and_open(asked: dict[str, Any], facts: dict[str, Any], amount: Decimal, months: int) -> UUID:
    """Score a new person under his consent and open the case, in one transaction."""
    from hub import consent
    from hub.audit import system_actor
    from hub.clock import now
    from hub.crypto import DataKey
    from hub.tenancy import platform_scope
    from partners.referrals import facade
    from risk.scoring.facade import score_application

    application_id, actor, at = uuid4(), system_actor("benchmark"), now()
    with platform_scope():
        person = DataKey.objects.for_reference(
            institution_id=None, kind=DataKey.PERSON, reference=f"person|{application_id}"
        )
        consent_id = consent.give(
            person_id=person.id, purpose="credit_scoring", recipient="luopan", text_version="1",
            reference=f"application|{application_id}", actor=actor, now=at,
        )  # fmt: skip
        scored = score_application(
            line_name="bench", person_id=person.id, consent_id=consent_id, features=asked, actor=actor, now=at
        )
        reasons = tuple(
            facade.ReasonView(one.feature, one.value, one.best_value, one.lost_logit) for one in scored.reasons
        )
        facade.open_case(
            application_id=application_id, sandbox_id=None, person_id=person.id, product_class="personal_instalment",
            currency="HKD", amount=amount, term_months=months, facts=facts, actor=actor, now=at,
            decision=facade.DecisionView(scored.decision_id, scored.pd, scored.grade, scored.action, reasons),
        )  # fmt: skip
    return application_id


def match(application_id: UUID) -> Any:
    """Match in a transaction of its own."""
    from hub.audit import system_actor
    from hub.clock import now
    from hub.tenancy import platform_scope
    from partners.referrals import facade

    with platform_scope():
        return facade.match(application_id=application_id, actor=system_actor("benchmark"), now=now())


def accept(application_id: UUID, offer_id: UUID) -> bool:
    """Accept an offer and reserve its budget; False where the budget has no room any more."""
    from hub.audit import system_actor
    from hub.clock import now
    from hub.errors import Conflict
    from hub.tenancy import platform_scope
    from partners.referrals import facade

    share = facade.ShareConsent("1", {"name": "Somebody", "phone": "+852 5550 0000"})
    with platform_scope():
        try:
            facade.accept(
                offer_id=offer_id, application_id=application_id, share_consent=share,
                actor=system_actor("benchmark"), now=now(),
            )  # fmt: skip
        except Conflict:
            return False
    return True


def refuse_unless_budgets_hold(timed: Timed) -> None:
    """Stop unless each budget is the sum of its ledger and below its cap, and every referral is in it once (I1)."""
    from django.db.models import F

    from hub.tenancy import platform_scope
    from partners.products.facade import budget_faults
    from partners.products.models import Budget, BudgetEntry
    from partners.referrals.models import Referral

    with platform_scope():
        over = Budget.objects.filter(cap_amount__lt=F("reserved_amount") + F("used_amount")).count()
        held = set(BudgetEntry.objects.filter(kind="reserve").values_list("referral_id", flat=True))
        sent = set(Referral.objects.values_list("id", flat=True))
        if budget_faults() or over or held != sent or len(sent) < timed.accepted or not timed.accepted:
            sys.exit("I1 does not hold: a budget is not the sum of its ledger, or passes its cap.")


if __name__ == "__main__":
    main()
