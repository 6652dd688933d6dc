"""Scoring a person: consent, features, the champion's tables, reasons, the record."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from uuid import UUID

import msgspec
from django.db.models import Q

from hub import consent, outbox
from hub.audit import Actor
from hub.crypto import DataKey
from hub.db.quick import Part, fetch_together, made
from hub.errors import Conflict, Erased, FieldError, NotFound, Unavailable
from hub.events import DecisionScored
from hub.ids import uuid7
from risk.scoring import bands, matrices
from risk.scoring.affordability import Ability, Means, judge
from risk.scoring.computing import compute
from risk.scoring.evidence import Evidence, held
from risk.scoring.glassbox import ArtefactError, Calibration, Reason, Score, Scorer
from risk.scoring.models import Decision, ModelLine, ModelVersion, PolicyMatrix

PURPOSE = consent.CREDIT_SCORING
RECIPIENT = "institution"
REASONS_MAX = 4
_SCORERS_MAX = 32
_CHAMPIONS = """line_id IN (SELECT id FROM scoring_modelline WHERE name = %s)
AND (institution_id = %s OR institution_id IS NULL) AND (state = 'champion' OR id IN
  (SELECT version_id FROM scoring_versionpin WHERE institution_id = %s AND ended_at IS NULL AND until > %s))"""
_NEEDED = ("id", "institution_id", "state", "number", "sha256", "slope_micro", "intercept_micro")
_scorers: OrderedDict[UUID, Scorer] = OrderedDict()
_scorers_lock = Lock()


@dataclass(frozen=True, slots=True)
class ConsentReference:
    """The institution's proof that this person agreed to be scored."""

    reference: str
    text_version: str
    given_at: datetime
    expires_at: datetime | None = None


class Sealed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a decision keeps under the person's key; affordability and evidence where they were asked for."""

    features: dict[str, float | str | None]
    reasons: list[Reason]
    affordability: Ability | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be decided: `live` are the matrices of lines of this name, fetched where there are means."""

    line_name: str
    features: Mapping[str, float | str | None]
    means: Means | None
    live: list[PolicyMatrix]
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A decision record, opened."""

    decision: Decision
    line: str
    number: int
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Replay:
    """What came out when a decision was computed again from its stored inputs and versions."""

    decision_id: UUID
    result: str
    recorded: tuple[int, str] | None = None
    replayed: tuple[int, str] | None = None


def score_person(
    *,
    institution_id: UUID,
    line_name: str,
    person_reference: str,
    consent_reference: ConsentReference,
    features: Mapping[str, float | str | None],
    actor: Actor,
    now: datetime,
    means: Means | None = None,
) -> Scored:
    """Score one person under a consent and keep the decision record. Runs in the tenant's transaction.

    With `means` the line's policy matrix decides on grade, action and limit; without, the PD's band alone. `Invalid`
    names unknown or mistyped features; `Conflict` where the consent does not hold; `Erased` where the person was
    erased; `NotFound` where no line of this name has a champion; `Unavailable` where model or matrix do not read.
    """
    who = DataKey.objects.by_reference(institution_id=institution_id, kind=DataKey.PERSON, reference=person_reference)
    claim = consent.Claim(
        institution_id, consent_reference.reference, PURPOSE, RECIPIENT, consent_reference.text_version,
        consent_reference.given_at, consent_reference.expires_at,
    )  # fmt: skip
    parts = (
        _champions(line_name, institution_id, now),
        who,
        claim.entries,
        *_matrices(line_name, institution_id, means),
    )
    champions, people, entries, *live = fetch_together(*parts)
    version = _own_first(champions, institution_id, line_name)
    person = DataKey.objects.first_or_new(people, who)
    if person.erased_at is not None:
        raise Erased("This person was erased: nothing can be scored for this reference any more.")
    consent_id = consent.require(claim=claim, person=person, entries=entries, actor=actor, now=now)
    asked = _Asked(line_name, features, means, live[0] if live else [])
    return _score(version, person, consent_id, asked, actor, now)


def score_application(
    *,
    line_name: str,
    person_id: UUID,
    consent_id: UUID,
    features: Mapping[str, float | str | None],
    actor: Actor,
    now: datetime,
    means: Means | None = None,
    evidence: Evidence | None = None,
) -> Scored:
    """Score a borrower of the platform under his consent and keep the decision record. Platform scope.

    `evidence` says which of `features` and `means` came from sources. `means` and errors as of `score_person`;
    `NotFound` also where there is no such borrower.
    """
    who = Part(DataKey, "id = %s AND kind = %s AND institution_id IS NULL", (person_id, DataKey.PERSON))
    parts = (_champions(line_name, None, now), who, consent.entries_of(consent_id), *_matrices(line_name, None, means))
    champions, people, entries, *live = fetch_together(*parts)
    version = _own_first(champions, None, line_name)
    if not people:
        raise NotFound("There is no such borrower.")
    person: DataKey = people[0]
    if person.erased_at is not None:
        raise Erased("This person was erased: nothing can be scored for this reference any more.")
    consent.refuse_unless_held(entries, person_id=person_id, purpose=PURPOSE, recipient=consent.PLATFORM, now=now)
    asked = _Asked(line_name, features, means, live[0] if live else [], evidence)
    return _score(version, person, consent_id, asked, actor, now)


def _matrices(line_name: str, institution_id: UUID | None, means: Means | None) -> list[Part]:
    return [matrices.live_part(line_name=line_name, institution_id=institution_id)] if means else []


def _score(
    version: ModelVersion, person: DataKey, consent_id: UUID, asked: _Asked, actor: Actor, now: datetime
) -> Scored:
    scorer = scorer_of(version)
    score = compute(scorer, asked.features, version.calibration)
    grade, ability, digest = bands.band_of(score.pd).grade, None, None
    if asked.means is not None:
        rules = matrices.in_force(asked.live, institution_id=version.institution_id)
        ability = judge(asked.means, grade=grade, matrix=rules.matrix, matrix_name=rules.name)
        digest = rules.sha256
    sealed = Sealed(dict(asked.features), list(scorer.reasons(score, limit=REASONS_MAX)), ability, asked.evidence)
    decision = _record(version, person, consent_id, score, sealed, digest, actor, now)
    return Scored(decision, asked.line_name, version.number, sealed)


def _record(
    version: ModelVersion,
    person: DataKey,
    consent_id: UUID,
    score: Score,
    sealed: Sealed,
    matrix_sha256: str | None,
    actor: Actor,
    now: datetime,
) -> Decision:
    grade, action = verdict_of(score, sealed.affordability, sealed.evidence)
    decision_id = uuid7()
    row = {
        "id": decision_id,
        "institution_id": person.institution_id,
        "person_id": person.id,
        "consent_id": consent_id,
        "version_id": version.id,
        "sha256": version.sha256,
        "slope_micro": version.slope_micro,
        "intercept_micro": version.intercept_micro,
        "bands_version": bands.CURRENT,
        "parameters_version": sealed.affordability.parameters if sealed.affordability else None,
        "matrix_sha256": matrix_sha256,
        "sealed": person.seal(msgspec.json.encode(sealed), place=Decision.place(decision_id)),
        "logit_micro": score.logit_micro,
        "pd_12m": score.pd_12m,
        "grade": grade,
        "action": action,
        "created_at": now,
    }
    decision = made(Decision, row, person=person, version=version)
    payload = DecisionScored(decision_id, person.institution_id, version_id=version.id, grade=grade)
    outbox.publish(payload, actor=actor, now=now, before=[decision])
    return decision


def verdict_of(
    score: Score, ability: Ability | None, evidence: Evidence | None, *, version: str = bands.CURRENT
) -> tuple[str, str]:
    """Return grade and action: the matrix's where affordability was judged, else the band's; `held` by the evidence."""
    if ability is not None:
        return ability.outcome.grade, held(ability.outcome.action, evidence)
    band = bands.band_of(score.pd, version=version)
    return band.grade, held(band.action, evidence)


def open_decision(decision: Decision) -> Scored:
    """Open a decision record; `Erased` where the person's key was destroyed."""
    plain = decision.person.open(bytes(decision.sealed), place=Decision.place(decision.id))
    version = decision.version
    return Scored(decision, version.line.name, version.number, msgspec.json.decode(plain, type=Sealed))


def replay(*, decision: Decision) -> Replay:
    """Compute a decision again from its stored inputs and versions: `identical`, `different` or `erased`."""
    try:
        sealed = open_decision(decision).sealed
    except Erased:
        return Replay(decision.id, "erased")
    version = ModelVersion.objects.get(id=decision.version_id)
    calibration = Calibration(decision.slope_micro, decision.intercept_micro)
    score = compute(scorer_of(version), sealed.features, calibration)
    ability = judged_again(decision, sealed.affordability, score)
    reasons = list(scorer_of(version).reasons(score, limit=REASONS_MAX))
    verdict = verdict_of(score, ability, sealed.evidence, version=decision.bands_version)
    again = (score.logit_micro, score.pd_12m, *verdict, reasons, ability)
    before = (
        decision.logit_micro, str(decision.pd_12m), decision.grade, decision.action, sealed.reasons,
        sealed.affordability,
    )  # fmt: skip
    same = again == before and version.sha256 == decision.sha256
    return Replay(decision.id, "identical" if same else "different", before[:2], again[:2])


def judged_again(decision: Decision, ability: Ability | None, score: Score) -> Ability | None:
    """Judge affordability from what was kept; None where it was not asked, or its matrix is no longer what it was."""
    if ability is None or decision.matrix_sha256 is None or decision.parameters_version is None:
        return None
    matrix = matrices.by_digest(decision.matrix_sha256)
    if matrix is None:
        return None
    grade = bands.band_of(score.pd, version=decision.bands_version).grade
    return judge(
        ability.means, grade=grade, matrix=matrix, matrix_name=ability.matrix, version=decision.parameters_version
    )  # fmt: skip


def _champions(name: str, institution_id: UUID | None, now: datetime | None) -> Part:
    """Return who scores for an institution, what it has pinned included, as a part to fetch."""
    return Part(ModelVersion, _CHAMPIONS, (name, institution_id, institution_id, now), only=_NEEDED)


def _own_first(found: list[ModelVersion], institution_id: UUID | None, name: str) -> ModelVersion:
    for owner in (institution_id, None):
        own = [version for version in found if version.institution_id == owner]
        if own:
            return next((version for version in own if version.state != "champion"), own[0])  # what is pinned first
    if ModelLine.objects.filter(Q(institution_id=institution_id) | Q(institution_id=None), name=name).exists():
        raise Conflict(f"The model line {name} has no champion yet: a version must be approved first.")
    detail = "Name a model line of yours or of the platform."
    raise NotFound("There is no such model line.", errors=[FieldError("/model_line", "unknown_model_line", detail)])


def champion_of(*, line_name: str) -> ModelVersion:
    """Return the champion of the platform's line; `NotFound` for no line, `Conflict` while none is approved."""
    [found] = fetch_together(_champions(line_name, None, None))
    return _own_first(found, None, line_name)


def scorer_of(version: ModelVersion) -> Scorer:
    """Return the scorer of a version; the last 32 stay in memory. `Unavailable` where its bytes were changed."""
    with _scorers_lock:
        if scorer := _scorers.get(version.id):
            _scorers.move_to_end(version.id)
            return scorer
    try:
        scorer = ModelVersion.objects.only("artefact", "sha256").get(id=version.id).scorer()
    except ArtefactError as error:
        raise Unavailable("The model does not load: it is to be rolled back first.", retry_after_s=60) from error
    with _scorers_lock:
        _scorers[version.id] = scorer
        while len(_scorers) > _SCORERS_MAX:
            _scorers.popitem(last=False)
    return scorer
