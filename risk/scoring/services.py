"""Scoring a person: consent, features, the champion's tables, reasons, the record."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q

from hub import consent, outbox
from hub.audit import Actor
from hub.crypto import DataKey
from hub.db.quick import Part, fetch_together
from hub.errors import Conflict, Erased, FieldError, Invalid, NotFound, Unavailable
from hub.events import DecisionScored
from hub.ids import uuid7
from risk.scoring import bands
from risk.scoring.glassbox import ArtefactError, Calibration, InputError, Reason, Score, Scorer
from risk.scoring.models import Decision, ModelLine, ModelVersion

PURPOSE = consent.CREDIT_SCORING
RECIPIENT = "institution"
REASONS_MAX = 4
_SCORERS_MAX = 32
_CHAMPIONS = """state = 'champion' AND line_id IN (SELECT id FROM scoring_modelline WHERE name = %s)
AND (institution_id = %s OR institution_id IS NULL)"""
_NEEDED = ("id", "institution_id", "number", "sha256", "slope_micro", "intercept_micro")
_scorers: OrderedDict[UUID, Scorer] = OrderedDict()
_scorers_lock = Lock()


@dataclass(frozen=True, slots=True)
class ConsentReference:
    """The institution's proof that this person agreed to be scored."""

    reference: str
    text_version: str
    given_at: datetime
    expires_at: datetime | None = None


class Sealed(msgspec.Struct, frozen=True):
    """What a decision keeps under the person's key."""

    features: dict[str, float | str | None]
    reasons: list[Reason]


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
) -> Scored:
    """Score one person under a consent and keep the decision record. Runs in the tenant's transaction.

    `Invalid` names unknown or mistyped features; `Conflict` where the consent does not hold; `Erased` where the
    person was erased; `NotFound` where no line of this name has a champion.
    """
    who = DataKey.objects.by_reference(institution_id=institution_id, kind=DataKey.PERSON, reference=person_reference)
    claim = consent.Claim(
        institution_id, consent_reference.reference, PURPOSE, RECIPIENT, consent_reference.text_version,
        consent_reference.given_at, consent_reference.expires_at,
    )  # fmt: skip
    champions, people, entries = fetch_together(_champions(line_name, institution_id), who, claim.entries)
    version = _own_first(champions, institution_id, line_name)
    person = DataKey.objects.first_or_new(people, who)
    if person.erased_at is not None:
        raise Erased("This person was erased: nothing can be scored for this reference any more.")
    consent_id = consent.require(claim=claim, person=person, entries=entries, actor=actor, now=now)
    return _score(version, person, consent_id, features, line_name, actor, now)


def score_application(
    *,
    line_name: str,
    person_id: UUID,
    consent_id: UUID,
    features: Mapping[str, float | str | None],
    actor: Actor,
    now: datetime,
) -> Scored:
    """Score a borrower of the platform under his consent and keep the decision record. Platform scope.

    Errors as of `score_person`; `NotFound` also where there is no such borrower.
    """
    who = Part(DataKey, "id = %s AND kind = %s AND institution_id IS NULL", (person_id, DataKey.PERSON))
    parts = (_champions(line_name, None), who, consent.entries_of(consent_id))
    champions, people, entries = fetch_together(*parts)
    version = _own_first(champions, None, line_name)
    if not people:
        raise NotFound("There is no such borrower.")
    person: DataKey = people[0]
    if person.erased_at is not None:
        raise Erased("This person was erased: nothing can be scored for this reference any more.")
    consent.refuse_unless_held(entries, person_id=person_id, purpose=PURPOSE, recipient=consent.PLATFORM, now=now)
    return _score(version, person, consent_id, features, line_name, actor, now)


def _score(
    version: ModelVersion,
    person: DataKey,
    consent_id: UUID,
    features: Mapping[str, float | str | None],
    line_name: str,
    actor: Actor,
    now: datetime,
) -> Scored:
    scorer = scorer_of(version)
    score = compute(scorer, features, version.calibration)
    sealed = Sealed(dict(features), list(scorer.reasons(score, limit=REASONS_MAX)))
    decision = _record(version, person, consent_id, score, sealed, actor, now)
    return Scored(decision, line_name, version.number, sealed)


def _record(
    version: ModelVersion,
    person: DataKey,
    consent_id: UUID,
    score: Score,
    sealed: Sealed,
    actor: Actor,
    now: datetime,
) -> Decision:
    band = bands.band_of(score.pd)
    decision_id = uuid7()
    decision = Decision(
        id=decision_id,
        institution_id=person.institution_id,
        person=person,
        consent_id=consent_id,
        version=version,
        sha256=version.sha256,
        slope_micro=version.slope_micro,
        intercept_micro=version.intercept_micro,
        bands_version=bands.CURRENT,
        sealed=person.seal(msgspec.json.encode(sealed), place=Decision.place(decision_id)),
        logit_micro=score.logit_micro,
        pd_12m=score.pd_12m,
        grade=band.grade,
        action=band.action,
        created_at=now,
    )
    payload = DecisionScored(decision_id, person.institution_id, version_id=version.id, grade=band.grade)
    outbox.publish(payload, actor=actor, now=now, before=[decision])
    return decision


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
    grade = bands.band_of(score.pd, version=decision.bands_version).grade
    again = (score.logit_micro, score.pd_12m, grade, list(scorer_of(version).reasons(score, limit=REASONS_MAX)))
    before = (decision.logit_micro, str(decision.pd_12m), decision.grade, sealed.reasons)
    same = again == before and version.sha256 == decision.sha256
    return Replay(decision.id, "identical" if same else "different", before[:2], again[:2])


def _champions(name: str, institution_id: UUID | None) -> Part:
    return Part(ModelVersion, _CHAMPIONS, (name, institution_id), only=_NEEDED)


def _own_first(found: list[ModelVersion], institution_id: UUID | None, name: str) -> ModelVersion:
    for owner in (institution_id, None):
        for version in found:
            if version.institution_id == owner:
                return version
    if ModelLine.objects.filter(Q(institution_id=institution_id) | Q(institution_id=None), name=name).exists():
        raise Conflict(f"The model line {name} has no champion yet: a version must be approved first.")
    detail = "Name a model line of yours or of the platform."
    raise NotFound("There is no such model line.", errors=[FieldError("/model_line", "unknown_model_line", detail)])


def champion_of(*, line_name: str) -> ModelVersion:
    """Return the champion of the platform's line; `NotFound` for no line, `Conflict` while none is approved."""
    [found] = fetch_together(_champions(line_name, None))
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


def compute(scorer: Scorer, features: Mapping[str, Any], calibration: Calibration) -> Score:
    """Score checked features; `Invalid` names each one that is unknown or of the wrong type."""
    known = {axis.name: axis for axis in scorer.features}
    faults = [
        FieldError(f"/features/{_escaped(name)}", "unknown_feature", f"This line knows: {', '.join(known)}.")
        for name in features
        if name not in known
    ]
    if not any(value is not None for value in features.values()):
        faults.append(FieldError("/features", "no_features", f"Give some of: {', '.join(known)}."))
    if not faults:
        try:
            return scorer.row(features, calibration)
        except InputError:
            faults = _type_faults(scorer, features, calibration)
    raise Invalid(faults)


def _type_faults(scorer: Scorer, features: Mapping[str, Any], calibration: Calibration) -> list[FieldError]:
    faults = []
    for name, value in features.items():
        try:
            scorer.row({name: value}, calibration)
        except InputError as error:
            faults.append(FieldError(f"/features/{_escaped(name)}", "wrong_type", str(error)))
    return faults


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
