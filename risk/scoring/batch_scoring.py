"""Scores files of people, some thousand lines in each transaction: killed at any moment it goes on from there.

Each part commits its decisions, its keys and consents, the lines' results, the new position, one audit row and one
event together, under the row's lock and the worker's token. So each line is scored once, whoever scores and however
often it is begun again. What needs no database is done for the next part while this one is written.
"""

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
from django.db import IntegrityError, OperationalError
from numpy.typing import NDArray
from psycopg.errors import DeadlockDetected, UniqueViolation

from hub import outbox
from hub.audit import Actor
from hub.consent import Claim, index_purpose
from hub.crypto import blind_indexes_of
from hub.events import ScoreBatchAdvanced, ScoreBatchFinished
from hub.persons import references
from hub.tenancy import tenant_scope
from hub.uploads import Uploads
from risk.scoring import services
from risk.scoring.batch_lines import LineReader, Raw, Read, Value, header_of, raw_lines
from risk.scoring.batch_models import ScoreBatch
from risk.scoring.batch_store import Prepared, store
from risk.scoring.glassbox import NumberAxis, Scorer
from risk.scoring.models import ModelVersion

FILES = Uploads("scores")
LEASE = timedelta(seconds=30)
PART_LINES = 2_000
TRIES = 5
ATTEMPTS_MAX = 5
Clock = Callable[[], datetime]


def score_batch(*, institution_id: UUID, batch_id: UUID, clock: Clock) -> ScoreBatch:
    """Score a file to its end and return its batch; one that ended before is returned as it is.

    Opens the institution's scope itself. Raises Busy while another worker holds it, LeaseLost where one took it over.
    """
    with tenant_scope(institution_id):
        batch = ScoreBatch.locked(batch_id)
        if not batch.is_open:
            return batch
        if batch.attempts >= ATTEMPTS_MAX:
            FILES.remove(batch.id)
            return _ended(batch, f"Its workers fell {batch.attempts} times at the same lines: it was given up.", clock)
        token = batch.claim(until=clock() + LEASE, now=clock())
        version = ModelVersion.objects.get(id=batch.version_id)
        scorer = services.scorer_of(version)
    gc.freeze()  # what lives long is not gone through again and again beside so much that is short-lived
    try:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="score-batch") as ahead:
            parts = _parts(batch, version, scorer)
            following = ahead.submit(next, parts, None)
            while (part := following.result()) is not None:
                following = ahead.submit(next, parts, None)
                batch = _again(lambda: _commit(batch, token, version, part, clock))  # noqa: B023 - called here
    except FileNotFoundError:
        batch = _end(batch, token, "The file is no longer there: hand it in again.", clock)
    else:
        batch = _end(batch, token, "", clock)
    finally:
        gc.unfreeze()
    FILES.remove(batch.id)
    return batch


def _parts(batch: ScoreBatch, version: ModelVersion, scorer: Scorer) -> Iterator[Prepared]:
    """Yield the lines that are not done yet, ready to be stored. Asks no database: it runs beside the one that does."""
    path, number = FILES.path_of(batch.id), batch.lines_done + 1
    header = header_of(path, scorer) if batch.format == "csv" else []
    reader = LineReader(scorer, version.calibration, header)
    lines = raw_lines(path, start=batch.position_bytes, number=number)
    if header and number == 1:
        number += 1
        next(lines)
    while some := list(islice(lines, PART_LINES)):
        yield _prepare(batch, version, scorer, some, reader.read(some))


def _prepare(batch: ScoreBatch, version: ModelVersion, scorer: Scorer, lines: list[Raw], read: Read) -> Prepared:
    columns: dict[str, list[Value]] = {name: [body.features.get(name) for body in read.bodies] for name in scorer.names}
    claims = [
        Claim(
            batch.institution_id, given.reference, services.PURPOSE, services.RECIPIENT, given.text_version,
            given.given_at, given.expires_at,
        )
        for given in (body.consent for body in read.bodies)
    ]  # fmt: skip
    scored = scorer.batch(_arrays(scorer, columns), contributions=True)
    reasons = scorer.batch_reasons(columns, scored, limit=services.REASONS_MAX)
    purpose = index_purpose(services.PURPOSE, batch.institution_id)
    encode = msgspec.json.Encoder().encode
    return Prepared(
        first=lines[0].number,
        last=lines[-1].number,
        end=lines[-1].end,
        numbers=read.numbers,
        people=references(batch.institution_id, (body.person_reference for body in read.bodies)),
        claims=claims,
        consents=blind_indexes_of(purpose, (claim.reference for claim in claims)),
        logits=scored.logits,
        pds=scored.pd(version.calibration),
        sealed=[
            encode(services.Sealed(body.features, list(found)))
            for body, found in zip(read.bodies, reasons, strict=True)
        ],
        problems=read.problems,
    )


def _arrays(scorer: Scorer, columns: dict[str, list[Value]]) -> dict[str, NDArray[Any]]:
    kinds = {axis.name: np.float64 if isinstance(axis, NumberAxis) else object for axis in scorer.features}
    return {name: np.array(column, dtype=kinds[name]) for name, column in columns.items()}


def _commit(batch: ScoreBatch, token: UUID, version: ModelVersion, part: Prepared, clock: Clock) -> ScoreBatch:
    with tenant_scope(batch.institution_id):
        held = ScoreBatch.locked(batch.id)
        held.check_lease(token)
        now = clock()
        stored = store(held, version, part, now=now)
        held.advance(
            position_bytes=part.end, lines=part.last - held.lines_done, scored=stored.scored,
            problems=stored.problems, lease_until=now + LEASE,
        )  # fmt: skip
        event = ScoreBatchAdvanced(
            held.id, held.institution_id, first_line=part.first, last_line=part.last, scored=stored.scored,
            problems=stored.problems, consents=stored.consents, digest=stored.digest,
        )  # fmt: skip
        outbox.publish(event, actor=Actor(held.actor_kind, held.actor_id), now=now)
    return held


def _again(commit: Callable[[], ScoreBatch]) -> ScoreBatch:
    """Run a part's transaction again where others made one of its keys or consents meanwhile, or in a deadlock."""
    for attempt in range(TRIES):
        try:
            return commit()
        except (IntegrityError, OperationalError) as error:
            gave_way = isinstance(error.__cause__, UniqueViolation | DeadlockDetected)
            if not gave_way or attempt == TRIES - 1:
                raise
    raise AssertionError("the last run returns or raises")


def _end(batch: ScoreBatch, token: UUID, failure: str, clock: Clock) -> ScoreBatch:
    with tenant_scope(batch.institution_id):
        held = ScoreBatch.locked(batch.id)
        held.check_lease(token)
        return _ended(held, failure, clock)


def _ended(held: ScoreBatch, failure: str, clock: Clock) -> ScoreBatch:
    if failure:
        held.fail(failure, now=clock())
    else:
        held.finish(now=clock())
    event = ScoreBatchFinished(
        held.id, held.institution_id, scored=held.scored, problems=held.problems, failure=failure
    )
    outbox.publish(event, actor=Actor(held.actor_kind, held.actor_id), now=clock())
    return held
