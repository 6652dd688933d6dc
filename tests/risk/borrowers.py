"""Borrowers of the platform for tests: consented and scored by the real services."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hub import consent
from hub.audit import system_actor
from hub.clock import now
from hub.crypto import DataKey
from hub.tenancy import platform_scope
from risk.scoring.facade import (
    About,
    Known,
    ScoredApplication,
    begin_inquiries,
    known_of,
    make_inquiries,
    score_application,
)

ACTOR = system_actor("tests")
FEATURES: dict[str, Any] = {"income": 9000.0, "utilisation": 95.0, "housing": "rent"}


def borrower(reference: str = "b-1", *, institution_id: UUID | None = None) -> UUID:
    """Return the person's id; of the platform, unless an institution is named."""
    with platform_scope():
        return DataKey.objects.for_reference(institution_id=institution_id, kind=DataKey.PERSON, reference=reference).id


def consented(person_id: UUID, **changed: Any) -> UUID:
    """Let a borrower consent to be scored by the platform, a few years ago."""
    fields: dict[str, Any] = {"purpose": consent.CREDIT_SCORING, "recipient": consent.PLATFORM, **changed}
    with platform_scope():
        return consent.give(
            person_id=person_id, text_version="2026-01", reference=f"application|{person_id}", actor=ACTOR,
            now=now() - timedelta(days=2000), **fields,
        )  # fmt: skip


def inquired(person_id: UUID, *, consent_id: UUID, handle: str = "1234") -> Known:
    """Let the local provider be asked about a borrower with one of its numbers; return what is known then."""
    whom = About(person_id, f"+8525550{handle}", sandbox=True)
    with platform_scope():
        asking = begin_inquiries(about=whom, consent_id=consent_id, actor=ACTOR, now=now())
    make_inquiries(asking, scope=platform_scope, clock=now, actor=ACTOR)
    with platform_scope():
        return known_of(about=whom, consented=True, now=now())


def score(person_id: UUID | None = None, *, moment: datetime | None = None, **changed: Any) -> ScoredApplication:
    """Score a borrower, with a consent of his unless one is given."""
    person_id = person_id or borrower()
    fields: dict[str, Any] = {"line_name": "consumer", "person_id": person_id, "features": FEATURES, **changed}
    if "consent_id" not in fields:
        fields["consent_id"] = consented(person_id)
    with platform_scope():
        return score_application(actor=ACTOR, now=moment or now(), **fields)
