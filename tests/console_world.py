"""Something to see in the console: a read book, a training, its version as champion, one scored person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from hub import audit
from hub.clock import now
from hub.tenancy import platform_scope, tenant_scope
from risk.learning import demo_book, reading, services, shipped, training
from risk.scoring import registry
from risk.scoring.models import ModelVersion
from risk.scoring.services import ConsentReference, score_person
from tests.factories import make_institution

ACTOR = audit.system_actor("tests")
QUICK = {"bags": 1, "growths": [{"leaves": 4, "rounds": 30}]}
PERSON: dict[str, float | str | None] = {
    "employment": "part_time", "employment_years": 1.5, "housing": "rent", "monthly_income": 14000.0,
    "amount": 90000.0, "term": 36.0, "purpose": "debt_consolidation", "existing_debt": 120000.0, "debt_service": 61.0,
    "card_utilisation": 93.0, "delinquencies_24m": 2.0, "inquiries_6m": 5.0, "open_accounts": 7.0,
    "history_months": None,
}  # fmt: skip


@dataclass(frozen=True)
class World:
    """The ids of what was made."""

    institution_id: UUID
    line_id: UUID
    book_id: UUID
    run_id: UUID
    version_id: UUID
    decision_id: UUID


def read_book(*, rows: int = 1500, line: str = "consumer", damage: str = "") -> services.Registered:
    """Hand a demo book in and read it; `damage` is a line put at its end."""
    text = "".join(demo_book.demo_csv(rows=rows, seed=7)) + damage
    with platform_scope():
        found = services.register_book(
            chunks=[text.encode()], mapping_text=shipped.mapping_text(demo_book.MAPPING), line_name=line,
            institution_id=None, actor=ACTOR, now=now(),
        )  # fmt: skip
    reading.read_book(book_id=found.book.id, scope=platform_scope, clock=now, actor=ACTOR)
    return found


def train(line_id: UUID, *, trainer_id: UUID | None = None, seed: int = 42) -> tuple[UUID, UUID]:
    """Train the line here and now; return the run and its version."""
    with platform_scope():
        run = services.request_training(
            line_id=line_id, requested_by=trainer_id, actor=ACTOR, now=now(), seed=seed, recipe=QUICK
        )
    done = training.train(run_id=run.id, scope=platform_scope, clock=now, actor=ACTOR)
    assert done.version_id is not None, done.failure
    return run.id, done.version_id


def register_again(version_id: UUID, *, trainer_id: UUID) -> UUID:
    """Register the artefact of a version as the fruit of somebody else's training."""
    with platform_scope():
        like = ModelVersion.objects.get(id=version_id)
        return registry.register_version(
            line_id=like.line_id, run_id=uuid4(), artefact=bytes(like.artefact), manifest=like.manifest,
            calibration=like.calibration, report=like.report, trainer_id=trainer_id, actor=ACTOR, now=now(),
        )  # fmt: skip


def approve(version_id: UUID, people: Sequence[UUID]) -> None:
    """Let people approve a version."""
    for user_id in people:
        with platform_scope():
            registry.approve_version(version_id=version_id, user_id=user_id, now=now())


def make(*, trainer_id: UUID | None = None) -> World:
    """Make all of it."""
    book = read_book(damage="nonsense\n").book
    run_id, version_id = train(book.line_id, trainer_id=trainer_id)
    approve(version_id, [uuid4(), uuid4()])
    bank = make_institution()
    with tenant_scope(bank.id):
        scored = score_person(
            institution_id=bank.id, line_name="consumer", person_reference="p-1",
            consent_reference=ConsentReference("c-1", "2026-01", now() - timedelta(days=1)),
            features=PERSON, actor=audit.client_actor("bank"), now=now(),
        )  # fmt: skip
    return World(bank.id, book.line_id, book.id, run_id, version_id, scored.decision.id)
