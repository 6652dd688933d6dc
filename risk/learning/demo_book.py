"""A generated consumer book for demonstrations and tests: invented people, Hong Kong dollars, one seed, one file.

The default risk follows what a lender knows at application, with thresholds, an interaction and noise; age, sex and
district have no effect of their own. The shipped mapping `demo_consumer` describes the columns.
"""

import csv
import io
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIRST_DAY = date(2022, 1, 1)
DAYS = 730
ROWS_MAX = 1_000_000
MAPPING = "demo_consumer"

Floats = NDArray[np.float64]
_EMPLOYMENT = (["salaried", "self_employed", "part_time", "contract", "retired"], [0.66, 0.13, 0.08, 0.09, 0.04])
_HOUSING = (["rent", "family", "public_rental", "mortgage", "owned"], [0.27, 0.24, 0.2, 0.2, 0.09])
_PURPOSE = (
    ["debt_consolidation", "renovation", "tax", "wedding", "education", "medical", "business", "travel"],
    [0.28, 0.14, 0.16, 0.09, 0.1, 0.07, 0.09, 0.07],
)
_DISTRICTS = ["Central", "Eastern", "Kwun Tong", "Sham Shui Po", "Sha Tin", "Tuen Mun", "Yuen Long", "Wan Chai"]
_EMPLOYMENT_RISK = {"self_employed": 0.3, "part_time": 0.45, "contract": 0.2, "retired": -0.2}
_HOUSING_RISK = {"rent": 0.2, "public_rental": 0.1, "mortgage": -0.3, "owned": -0.45}
_PURPOSE_RISK = {"debt_consolidation": 0.25, "business": 0.4, "tax": -0.3, "education": -0.15}


def demo_csv(*, rows: int, seed: int) -> Iterator[str]:
    """The book's CSV text, line by line. The same rows and seed give the same text. Raises ValueError."""
    if not 1 <= rows <= ROWS_MAX:
        raise ValueError(f"A demo book has 1 to {ROWS_MAX} rows.")
    columns = _book(np.random.default_rng(seed), rows)
    yield _line(list(columns))
    yield from (_line(row) for row in zip(*(column.tolist() for column in columns.values()), strict=True))


def _line(cells: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()


def _book(rng: np.random.Generator, rows: int) -> dict[str, NDArray[Any]]:
    person = _person(rng, rows)
    credit = _credit(rng, person)
    logit = _logit(person, credit) + rng.normal(0, 0.35, rows)
    day = np.sort(rng.integers(0, DAYS, rows))
    # Times grow a little harder over the two years.
    bad = rng.random(rows) < 1 / (1 + np.exp(-(logit + 0.25 * day / DAYS)))
    return {
        "account_no": np.array([f"D{seq:07d}" for seq in rng.permutation(rows) + 1]),
        "opened_on": np.array([(FIRST_DAY + timedelta(days=int(one))).isoformat() for one in day]),
        **_as_written(rng, {**person, **credit}),
        "balance_after_12_months": _later_balance(rng, credit["amount"], bad),
        "outcome": np.where(bad, "bad", "good"),
    }


def _person(rng: np.random.Generator, rows: int) -> dict[str, NDArray[Any]]:
    age = np.clip(rng.gamma(9, 4.4, rows), 19, 78).round()
    employment = rng.choice(_EMPLOYMENT[0], rows, p=_EMPLOYMENT[1])
    years = np.minimum(rng.exponential(5.5, rows), age - 18).round(1)
    pay = {"part_time": 0.45, "retired": 0.5, "self_employed": 1.05}
    factor = np.array([pay.get(one, 1.0) for one in employment])
    income = np.exp(rng.normal(9.95, 0.48, rows) + 0.012 * np.minimum(years, 20)) * factor
    return {
        "age": age,
        "sex": rng.choice(["F", "M"], rows),
        "district": rng.choice(_DISTRICTS, rows),
        "employment": employment,
        "employment_years": years,
        "housing": rng.choice(_HOUSING[0], rows, p=_HOUSING[1]),
        "monthly_income": np.maximum(income, 4_000).round(-2),
    }


def _credit(rng: np.random.Generator, person: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    income: Floats = person["monthly_income"]
    rows = len(income)
    stress = rng.normal(0, 1, rows)
    limit = income * rng.uniform(1, 4, rows)
    utilisation = 100 / (1 + np.exp(-(0.9 * stress - 0.7 + rng.normal(0, 0.8, rows))))
    return {
        "amount": np.clip(income * rng.uniform(1, 9, rows), 5_000, 800_000).round(-3),
        "term": rng.choice([12, 24, 36, 48, 60], rows, p=[0.2, 0.27, 0.27, 0.14, 0.12]),
        "purpose": rng.choice(_PURPOSE[0], rows, p=_PURPOSE[1]),
        "existing_debt": np.maximum(limit * utilisation / 100 + income * rng.exponential(0.8, rows), 0).round(-2),
        "debt_service": np.clip(12 + 9 * stress + rng.normal(0, 7, rows), 0, 95).round(1),
        "card_utilisation": utilisation.round(1),
        "delinquencies_24m": rng.poisson(np.exp(-1.9 + 0.75 * stress)),
        "inquiries_6m": rng.poisson(np.exp(-0.35 + 0.45 * stress)),
        "open_accounts": 1 + rng.poisson(2.8, rows),
        "history_months": np.clip((person["age"] - 18) * 12 * rng.beta(2, 3, rows), 0, None).round(),
    }


def _logit(person: dict[str, NDArray[Any]], credit: dict[str, NDArray[Any]]) -> Floats:
    burden = credit["amount"] / (person["monthly_income"] * credit["term"])
    utilisation, inquiries = credit["card_utilisation"], credit["inquiries_6m"]
    score: Floats = (
        -3.95
        + 1.5 * np.minimum(burden, 0.6)
        + 0.016 * utilisation
        + 0.028 * credit["debt_service"]
        + 0.5 * np.minimum(credit["delinquencies_24m"], 4)
        + 0.14 * np.minimum(inquiries, 6)
        # Many inquiries tell most of those whose cards are full.
        + 0.45 * ((utilisation > 70) & (inquiries >= 3))
        - 0.055 * np.minimum(person["employment_years"], 10)
        - 0.0035 * np.minimum(credit["history_months"], 180)
        + 0.5 * (person["monthly_income"] < 12_000)
    )
    for name, risk in (("employment", _EMPLOYMENT_RISK), ("housing", _HOUSING_RISK)):
        score += np.array([risk.get(one, 0.0) for one in person[name]])
    score += np.array([_PURPOSE_RISK.get(one, 0.0) for one in credit["purpose"]])
    return score


def _as_written(rng: np.random.Generator, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """With gaps where applicants and bureaus leave them, and whole numbers written as such."""
    gaps = {"monthly_income": 0.06, "employment_years": 0.04, "card_utilisation": 0.08, "history_months": 0.05}
    written = {}
    for name, column in columns.items():
        cells = np.array(
            [int(one) if isinstance(one, float) and one.is_integer() else one for one in column.tolist()], dtype=object
        )
        cells[rng.random(len(cells)) < gaps.get(name, 0.0)] = None
        written[name] = cells
    return written


def _later_balance(rng: np.random.Generator, amount: Floats, bad: NDArray[np.bool_]) -> NDArray[Any]:
    left = np.where(bad, rng.uniform(0.7, 1.1, len(bad)), rng.uniform(0.0, 0.8, len(bad)))
    return (amount * left).round(-2).astype(np.int64)
