"""A decision as the person reads it whom it is about: points for and against, in words of his language."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log

from django.utils.translation import gettext, gettext_lazy

from acquisition.journey.fields import Text
from acquisition.journey.forms import EMPLOYMENTS, HOUSINGS, PURPOSES
from hub import figures
from hub.figures import Figure, Step
from risk.scoring.facade import POINTS_TO_DOUBLE, DecisionProof, ProofPart

STEPS_MAX = 10
_POINTS = POINTS_TO_DOUBLE / log(2) / 1_000_000  # of a millionth of log-odds
_NAMES: dict[str, Text] = {
    "amount": gettext_lazy("Amount"),
    "term": gettext_lazy("Time to pay back"),
    "purpose": gettext_lazy("Purpose"),
    "employment": gettext_lazy("Kind of work"),
    "employment_years": gettext_lazy("Years in this work"),
    "housing": gettext_lazy("Housing"),
    "monthly_income": gettext_lazy("Monthly income"),
    "existing_debt": gettext_lazy("Debts"),
    "debt_service": gettext_lazy("Share of income for debts"),
    "card_utilisation": gettext_lazy("Use of card limits"),
    "open_accounts": gettext_lazy("Loans and cards"),
    "history_months": gettext_lazy("Months since the first credit"),
    "inquiries_6m": gettext_lazy("Applications in 6 months"),
    "delinquencies_24m": gettext_lazy("Late payments in 24 months"),
}
_CHOICES: Mapping[str, Mapping[str, Text]] = {"purpose": PURPOSES, "employment": EMPLOYMENTS, "housing": HOUSINGS}


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table beside the figure: what it is about, what was known, and its points, more is better."""

    name: str
    known: str
    points: int


def lines(proof: DecisionProof) -> list[Line]:
    """Return the parts of a score in points: whole ones, which add up, the smallest parts together."""
    shown, rest = proof.parts[:STEPS_MAX], proof.parts[STEPS_MAX:]
    names = [(_name(part), _known(part, proof.values)) for part in shown]
    micros = [part.micro for part in shown]
    if rest:
        names.append((gettext("Smaller ones together"), ""))
        micros.append(sum(part.micro for part in rest))
    return [Line(*name, points) for name, points in zip(names, _whole(proof.base_micro, micros), strict=True)]


def drawn(proof: DecisionProof, rows: list[Line]) -> Figure:
    """Draw the lines from where everybody starts to the score."""
    steps = [Step(f"{row.name}: {row.known}" if row.known else row.name, row.points) for row in rows]
    ends = (gettext("Where everybody starts"), gettext("Your points"))
    return figures.ladder(start(proof), steps, ends=ends, title=gettext("How your points come about"))


def start(proof: DecisionProof) -> int:
    """Return the points that everybody starts with."""
    return _points(proof.base_micro)


def total(proof: DecisionProof) -> int:
    """Return the points of the score."""
    return _points(proof.score_micro)


def _whole(base: int, micros: list[int]) -> Iterator[int]:
    """Round the running sums and not the parts, so that the whole points add up."""
    before = _points(base)
    for micro in micros:
        base += micro
        yield _points(base) - before
        before = _points(base)


def _points(micro: int) -> int:
    return round(-micro * _POINTS)


def _name(part: ProofPart) -> str:
    return " × ".join(str(_NAMES.get(name, name)) for name in part.features)


def _known(part: ProofPart, values: Mapping[str, float | str | None]) -> str:
    if len(part.features) > 1:
        return ""
    [name] = part.features
    value = values.get(name)
    if value is None:
        return gettext("Not told")
    return f"{value:,.6g}" if isinstance(value, float | int) else str(_CHOICES.get(name, {}).get(value, value))
