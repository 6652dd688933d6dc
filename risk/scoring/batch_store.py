"""Scored lines into the database, all of a part together: keys, consents, decision records, results."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from hub import persons
from hub.consent import Claim
from hub.consents import Ledger
from hub.crypto import meet_all
from hub.db.columns import blobs, decimals, insert_columns, numbers, texts, uuids
from hub.errors import DomainError, Erased, FieldError
from hub.ids import uuid7_texts
from hub.persons import Forms, Person
from risk.scoring import bands
from risk.scoring.batch_models import BatchLine, ScoreBatch
from risk.scoring.models import Decision, ModelVersion


@dataclass(frozen=True, slots=True)
class Prepared:
    """Lines that need nothing more than a person and a consent: all lists are as long as `numbers`."""

    first: int
    last: int
    end: int
    numbers: Sequence[int]
    people: Sequence[Forms]
    claims: Sequence[Claim]
    consents: Sequence[Forms]
    logits: NDArray[np.int64]
    pds: NDArray[np.float64]
    sealed: Sequence[bytes]
    problems: dict[int, Sequence[FieldError]]


@dataclass(slots=True)
class Stored:
    """What became of a part: of its lines `scored` have a decision and `problems` none."""

    scored: int
    problems: int
    consents: int
    digest: str


@dataclass(slots=True)
class _Taken:
    """The lines that have a person and a consent, by their places in the part."""

    places: list[int] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    consent_ids: list[str] = field(default_factory=list)


def store(batch: ScoreBatch, version: ModelVersion, part: Prepared, *, now: datetime) -> Stored:
    """Write a part. In the tenant's transaction, with the batch locked.

    IntegrityError where another one made one of the same keys or consents meanwhile: begin the transaction anew.
    """
    problems = dict(part.problems)
    ledger, taken = _judge(batch, part, problems, now)
    persons.write_new(batch.institution_id, taken.people, now=now)
    ledger.write_new()
    decision_ids = uuid7_texts(len(taken.places))
    if decision_ids:
        _write_decisions(batch, version, part, taken, decision_ids, now)
        BatchLine.append_scored(batch, [part.numbers[at] for at in taken.places], decision_ids)
    if problems:
        BatchLine.append_problems(batch, list(problems), [_problem_text(faults) for faults in problems.values()])
    digest = _digest(part, taken, decision_ids, problems)
    return Stored(len(decision_ids), len(problems), len(ledger.new), digest)


def _judge(
    batch: ScoreBatch, part: Prepared, problems: dict[int, Sequence[FieldError]], now: datetime
) -> tuple[Ledger, _Taken]:
    meet_all([*part.people, *part.consents])
    people = persons.find_or_make(batch.institution_id, part.people)
    ledger = Ledger(batch.institution_id, part.consents, now=now)
    taken = _Taken()
    for at, (person, claim, forms) in enumerate(zip(people, part.claims, part.consents, strict=True)):
        try:
            if person.erased:
                raise Erased("This person was erased: nothing can be scored for this reference any more.")
            consent_id = ledger.require(claim, forms, person.id)
        except DomainError as error:
            problems[part.numbers[at]] = error.errors or (FieldError("", error.code, error.detail),)
            continue
        taken.places.append(at)
        taken.people.append(person)
        taken.consent_ids.append(consent_id)
    return ledger, taken


def _write_decisions(
    batch: ScoreBatch, version: ModelVersion, part: Prepared, taken: _Taken, ids: list[str], now: datetime
) -> None:
    pds = part.pds[taken.places]
    found = [bands.band_of(pd) for pd in pds.tolist()]
    cells = {
        "id": uuids(ids),
        "person_id": uuids([person.id for person in taken.people]),
        "consent_id": uuids(taken.consent_ids),
        "sealed": blobs(
            [
                person.seal(part.sealed[at], place=Decision.place(decision_id))
                for at, person, decision_id in zip(taken.places, taken.people, ids, strict=True)
            ]
        ),
        "logit_micro": numbers(part.logits[taken.places]),
        "pd_12m": decimals(np.rint(pds * 1e6).astype(np.int64)),
        "grade": texts([band.grade for band in found]),
        "action": texts([band.action for band in found]),
    }
    insert_columns(
        Decision, cells, institution_id=batch.institution_id, version_id=version.id, sha256=version.sha256,
        slope_micro=version.slope_micro, intercept_micro=version.intercept_micro, bands_version=bands.CURRENT,
        created_at=now,
    )  # fmt: skip


def _problem_text(faults: Sequence[FieldError]) -> bytes:
    return msgspec.json.encode(
        [{"pointer": fault.pointer[:120], "code": fault.code, "detail": fault.detail[:300]} for fault in faults[:20]]
    )


def _digest(part: Prepared, taken: _Taken, ids: list[str], problems: dict[int, Sequence[FieldError]]) -> str:
    told = [
        f"{part.numbers[at]} {decision_id} {consent_id} {person.id}"
        for at, decision_id, consent_id, person in zip(taken.places, ids, taken.consent_ids, taken.people, strict=True)
    ]
    told += [f"{number} -" for number in problems]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()
