"""Asking data sources about a borrower: recorded before, made outside any transaction, used again while fresh."""

import hashlib
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cache
from time import sleep
from typing import cast
from uuid import UUID

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.module_loading import import_string

from hub import consent, outbox
from hub.audit import Actor
from hub.crypto import DataKey
from hub.errors import Erased, NotFound
from hub.events import InquiryBegun, InquirySettled
from hub.money import DIGITS
from hub.tenancy import ScopeError, current_scope
from risk.features.facade import (
    KINDS,
    PURPOSE_OF,
    LocalSource,
    Question,
    Settled,
    Source,
    Subject,
    Terms,
    Value,
    ask_together,
    local_sources,
)
from risk.scoring.evidence import Evidence, Used, Why, Without
from risk.scoring.inquiring import About, Asking, Known
from risk.scoring.source_models import Inquiry

log = structlog.get_logger(__name__)
PAUSE_S = 0.5  # for whom somebody else is asking: a browser follows twenty redirects


def sources_of(*, sandbox: bool) -> tuple[Source, ...]:
    """Return the sources of a world: a sandbox has the local provider, the live one what LUOPAN_SOURCES names."""
    return local_sources() if sandbox else _named(tuple(settings.SOURCES))


@cache
def _named(paths: tuple[str, ...]) -> tuple[Source, ...]:
    """An entry is a class or function that, called, gives one source or several. `ImproperlyConfigured` for others."""
    try:
        made = [import_string(path)() for path in paths]
        sources = tuple(source for one in made for source in (one if isinstance(one, tuple | list) else (one,)))
        names = [source.terms.name for source in sources]
        faults = [source.terms.name for source in sources if not _sound(source.terms)]
    except (ImportError, TypeError, AttributeError) as error:
        raise ImproperlyConfigured(f"LUOPAN_SOURCES names something that is no source: {error}") from error
    if settings.PRODUCTION and any(isinstance(source, LocalSource) for source in sources):
        raise ImproperlyConfigured("LUOPAN_SOURCES: what the local provider answers is made up: not in production")
    if faults or len(names) != len(set(names)):
        raise ImproperlyConfigured(f"LUOPAN_SOURCES: terms that cannot be, or one name twice: {', '.join(names)}")
    return sources


def _sound(terms: Terms) -> bool:
    named = re.fullmatch(r"[a-z0-9-]{1,60}", terms.name) and terms.kind in KINDS and terms.currency in DIGITS
    return bool(named) and terms.inquiry in ("soft", "hard") and terms.timeout_s > 0 <= terms.cost_minor


def check_sources() -> None:
    """Raise `ImproperlyConfigured` where the settings name sources that cannot be."""
    sources_of(sandbox=False)


def _covering(about: About) -> list[tuple[Source, Subject]]:
    asked = []
    for source in sources_of(sandbox=about.sandbox):
        # No two sources can tell by it that they were asked about the same person.
        key = hashlib.sha256(f"{source.terms.name}|{about.person_id}".encode()).hexdigest()
        subject = Subject(key, about.phone)
        if _covers(source, subject):
            asked.append((source, subject))
    return asked


def _covers(source: Source, subject: Subject) -> bool:
    try:
        return source.covers(subject)
    except Exception as error:  # noqa: BLE001 - a source's fault may stop nobody's application
        log.warning("source_unusable", source=source.terms.name, fault=type(error).__name__)
        return False


@transaction.atomic
def begin_inquiries(
    *, about: About, consent_id: UUID, hard_consent_id: UUID | None, actor: Actor, now: datetime
) -> Asking:
    """Record the inquiries that are to be made; see `inquiring.begin_inquiries`."""
    covering = _covering(about)
    if not covering:
        return Asking((), (), elsewhere=False, at=now)
    _check_consents(about.person_id, consent_id, hard_consent_id, now)
    person = _locked(about.person_id)
    in_force = Inquiry.of_person(person.id)
    begun: list[tuple[UUID, Question]] = []
    elsewhere = False
    for source, subject in covering:
        terms = source.terms
        row = in_force.get(terms.name)
        if row is not None:
            _give_up(row, terms, actor, now)
            elsewhere |= row.state == Inquiry.ASKED
        if (row is not None and row.holds_until > now) or not _permitted(terms, hard_consent_id):
            continue
        if row is not None:
            row.make_room()
        resting_on = hard_consent_id if terms.inquiry == "hard" and hard_consent_id else consent_id
        made = Inquiry.begin(person=person, sandbox=about.sandbox, terms=terms, consent_id=resting_on, now=now)
        _tell_begun(made, actor, now)
        begun.append((made.id, Question(source, subject)))
    return Asking(tuple(one for one, _ in begun), tuple(one for _, one in begun), elsewhere, now)


def _check_consents(person_id: UUID, consent_id: UUID, hard_consent_id: UUID | None, now: datetime) -> None:
    for given, purpose in ((consent_id, consent.CREDIT_SCORING), (hard_consent_id, consent.HARD_INQUIRY)):
        if given is not None:
            consent.check(
                consent_id=given, person_id=person_id, purpose=purpose, recipient=consent.PLATFORM, now=now
            )  # fmt: skip


def _locked(person_id: UUID) -> DataKey:
    """Two of a person's tabs come one after the other; what only points at him need not wait."""
    people = DataKey.objects.select_for_update(no_key=True)
    person = people.filter(id=person_id, kind=DataKey.PERSON, institution_id=None).first()
    if person is None:
        raise NotFound("There is no such borrower.")
    if person.erased_at is not None:
        raise Erased("This person was erased.")
    return person


def _permitted(terms: Terms, hard_consent_id: UUID | None) -> bool:
    return PURPOSE_OF[terms.kind] in terms.purposes and (terms.inquiry == "soft" or hard_consent_id is not None)


def _give_up(row: Inquiry, terms: Terms, actor: Actor, now: datetime) -> None:
    """Settle an inquiry whose asker fell: nobody knows whether it was made."""
    if row.state == Inquiry.ASKED and row.due_at <= now:
        took_ms = round(1000 * (row.due_at - row.asked_at).total_seconds())
        _settle(row, Settled(Inquiry.TIMED_OUT, took_ms), terms, actor, now)


def make_inquiries(
    asking: Asking, *, scope: Callable[[], AbstractContextManager[None]], clock: Callable[[], datetime], actor: Actor
) -> None:
    """Ask, and record what came of it; see `inquiring.make_inquiries`."""
    if current_scope() is not None:
        raise ScopeError("sources are asked while no transaction is open: commit first")
    if not asking.questions:
        sleep(PAUSE_S if asking.elsewhere else 0)
        return
    found = ask_together(asking.questions, now=asking.at)
    with scope():
        for inquiry_id, question, settled in zip(asking.inquiries, asking.questions, found, strict=True):
            row = Inquiry.objects.select_for_update(of=("self",)).select_related("person").get(id=inquiry_id)
            if row.state == Inquiry.ASKED:
                _settle(row, settled, question.source.terms, actor, clock())


def _settle(row: Inquiry, settled: Settled, terms: Terms, actor: Actor, now: datetime) -> None:
    row.settle(settled, fresh_for=terms.fresh_for, now=now)
    payload = InquirySettled(
        row.id, None, source=row.source, outcome=row.state, took_ms=settled.took_ms, cost_minor=row.cost_minor,
        currency=row.currency,
    )  # fmt: skip
    outbox.publish(payload, actor=actor, now=now)


def _tell_begun(row: Inquiry, actor: Actor, now: datetime) -> None:
    payload = InquiryBegun(
        row.id, None, source=row.source, purpose=row.purpose, inquiry_type=row.inquiry_type, consent_id=row.consent_id
    )
    outbox.publish(payload, actor=actor, now=now)


def known_of(*, about: About, consented: bool, now: datetime) -> Known:
    """Return what is known from sources; see `inquiring.known_of`. Of two that name one value the first one has it."""
    values: dict[str, Value] = {}
    used: list[Used] = []
    without: list[Without] = []
    facts: list[str] = []
    covering = _covering(about)
    in_force = Inquiry.of_person(about.person_id) if covering else {}
    for source, _ in covering:
        row = in_force.get(source.terms.name)
        if row is None or not consented or row.state != Inquiry.ANSWERED or row.holds_until <= now:
            without.append(Without(source.terms.name, _why(source.terms, row, consented)))
            continue
        kept = row.kept()
        new = {name: value for name, value in kept.values.items() if value is not None and name not in values}
        assert row.as_of is not None
        used.append(Used(row.source, row.kind, row.id, row.as_of, tuple(sorted(new))))
        values.update(new)
        facts += [fact for fact in kept.facts if fact not in facts]
    return Known(values, Evidence(tuple(used), tuple(without), tuple(facts)))


def _why(terms: Terms, row: Inquiry | None, consented: bool) -> Why:
    if not consented:
        return "no_consent"
    if row is None:
        return "not_asked" if _permitted(terms, None) else "not_permitted"
    if row.state == Inquiry.ANSWERED:
        return "not_asked"  # of late
    return cast(Why, "timed_out" if row.state == Inquiry.ASKED else row.state)
