"""What a decision keeps of affordability, made and made again; and what others are shown of it."""

from decimal import Decimal
from typing import Literal

import msgspec

from risk.scoring.affordability.assessment import Assessment, Band, Basis, Means, assess
from risk.scoring.affordability.matrix import Matrix, Outcome, combine
from risk.scoring.affordability.parameters import CURRENT, PARAMETERS


class Ability(msgspec.Struct, frozen=True):
    """The inputs, and what came of them by which versions; `matrix` is its number or the shipped one's version."""

    means: Means
    assessment: Assessment
    outcome: Outcome
    parameters: str
    matrix: str


class AffordabilityView(msgspec.Struct, frozen=True):
    """Affordability beside the score: amounts in major units of `currency`, a month where they are flows.

    What is null cannot be told without the income or the instalments. The loan asked for takes `ratio` of
    `residual_income`, by its instalment at a rate that is `rate_shock_percent` higher; up to `limit_instalment` of such
    an instalment, and over the term asked for up to `limit`, a loan is affordable by grade and matrix. `declined_for`
    says what a decline rests on.
    """

    band: Band
    currency: str
    income_basis: Basis
    counted_income: Decimal | None
    counted_spending: Decimal
    existing_instalments: Decimal | None
    residual_income: Decimal | None
    instalment: Decimal
    stressed_instalment: Decimal
    rate_shock_percent: Decimal
    ratio: Decimal | None
    largest_instalment: Decimal | None
    largest_amount: Decimal | None
    limit_percent: int
    limit_instalment: Decimal | None
    limit: Decimal | None
    declined_for: Literal["score", "affordability"] | None
    parameters_version: str
    matrix_version: str


def judge(means: Means, *, grade: str, matrix: Matrix, matrix_name: str, version: str = CURRENT) -> Ability:
    """Return what follows for these means and the grade of the risk; the same arguments, the same result."""
    found = assess(means, version=version)
    return Ability(means, found, combine(matrix, grade, found, currency=means.currency), version, matrix_name)


def view_of(ability: Ability) -> AffordabilityView:
    """Return what is shown of it."""
    found, outcome = ability.assessment, ability.outcome
    return AffordabilityView(
        band=found.band,
        currency=ability.means.currency,
        income_basis=ability.means.basis,
        counted_income=found.counted_income,
        counted_spending=found.counted_spending,
        existing_instalments=ability.means.instalments,
        residual_income=found.residual,
        instalment=found.instalment,
        stressed_instalment=found.stressed_instalment,
        rate_shock_percent=PARAMETERS[ability.parameters].rate_shock_percent,
        ratio=found.ratio,
        largest_instalment=found.largest_instalment,
        largest_amount=found.largest_amount,
        limit_percent=outcome.limit_percent,
        limit_instalment=outcome.limit_instalment,
        limit=outcome.limit,
        declined_for=outcome.cause,
        parameters_version=ability.parameters,
        matrix_version=ability.matrix,
    )
