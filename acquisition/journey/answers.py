"""A borrower's answers: what may be answered, what is still missing, and the features that a score is made of. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

from acquisition.journey.errors import wrong
from hub.errors import Invalid
from risk.scoring.facade import Basis, Means

CURRENCY = "HKD"
AMOUNT_MIN, AMOUNT_MAX = 5_000, 800_000
MONEY_MAX = 100_000_000
Term = Literal[12, 24, 36, 48, 60]
Purpose = Literal[
    "debt_consolidation", "renovation", "tax", "wedding", "education", "medical", "business", "travel"
]  # fmt: skip
Employment = Literal["salaried", "self_employed", "part_time", "contract", "retired"]
Housing = Literal["rent", "family", "public_rental", "mortgage", "owned"]
TERMS: tuple[int, ...] = get_args(Term)
PURPOSES: tuple[str, ...] = get_args(Purpose)
EMPLOYMENTS: tuple[str, ...] = get_args(Employment)
HOUSINGS: tuple[str, ...] = get_args(Housing)

Amount = Annotated[int, Meta(ge=AMOUNT_MIN, le=AMOUNT_MAX)]
Years = Annotated[float, Meta(ge=0, le=80)]
Money = Annotated[int, Meta(ge=0, le=MONEY_MAX)]
Income = Annotated[int, Meta(ge=1, le=MONEY_MAX)]
Percent = Annotated[float, Meta(ge=0, le=200)]
Count = Annotated[int, Meta(ge=0, le=99)]
Months = Annotated[int, Meta(ge=0, le=900)]
Told = TypeVar("Told", "Answers", "Living")


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the borrower told. Money in whole Hong Kong dollars; None where nothing was told, or he does not know."""

    amount: Amount | None = None
    term: Term | None = None
    purpose: Purpose | None = None
    employment: Employment | None = None
    employment_years: Years | None = None
    housing: Housing | None = None
    monthly_income: Income | None = None
    existing_debt: Money | None = None
    monthly_payments: Money | None = None
    card_utilisation: Percent | None = None
    open_accounts: Count | None = None
    history_months: Months | None = None
    inquiries_6m: Count | None = None
    delinquencies_24m: Count | None = None


class Living(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the borrower needs a month. Not among the answers: the release before refuses those it does not know."""

    essential_spending: Money | None = None


STEPS: dict[str, tuple[str, ...]] = {
    "amount": ("amount", "term"),
    "purpose": ("purpose",),
    "work": ("employment", "employment_years"),
    "housing": ("housing", "essential_spending"),
    "income": ("monthly_income",),
    "debts": ("existing_debt", "monthly_payments", "card_utilisation"),
    "history": ("open_accounts", "history_months", "inquiries_6m", "delinquencies_24m"),
}
# Somebody without a card, or who does not know: the model takes a missing value as such.
MAY_BE_MISSING = frozenset({"card_utilisation", "history_months"})


class Draft(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an application keeps under the person's key: the answers, the steps done, the name."""

    answers: Answers = Answers()
    done: tuple[str, ...] = ()
    name: str = ""
    living: Living = Living()

    def told(self, name: str) -> Any:
        """Return the answer of this name, None where there is none."""
        return getattr(self.living if name in Living.__struct_fields__ else self.answers, name)

    def answered(self, step: str, given: Mapping[str, Any]) -> "Draft":
        """Return the draft with the answers of one step; `Invalid` names what will not do."""
        if extra := set(given) - set(STEPS[step]):
            raise wrong(sorted(extra)[0], "unknown_answer", f"The step {step} does not ask for it.")
        for name in STEPS[step]:
            if given.get(name) is None and name not in MAY_BE_MISSING:
                raise wrong(name, "required", "This needs an answer.")
        new = {name: given.get(name) for name in STEPS[step]}
        done = self.done if step in self.done else (*self.done, step)
        return msgspec.structs.replace(
            self, answers=_changed(self.answers, new), living=_changed(self.living, new), done=done
        )  # fmt: skip

    def missing(self) -> list[str]:
        """Return the steps that were not done, in their order."""
        return [step for step in STEPS if step not in self.done]


def _changed(answers: Told, new: Mapping[str, Any]) -> Told:
    known = msgspec.structs.asdict(answers)
    try:
        return msgspec.convert({name: new.get(name, value) for name, value in known.items()}, type(answers))
    except msgspec.ValidationError as error:
        told, _, place = str(error).partition(" - at `$.")
        raise wrong(place.rstrip("`"), "invalid_answer", told) from error


def features(answers: Answers) -> dict[str, float | str | None]:
    """Return the features of the mapping `demo_consumer`; debt service is the percentage of income that debts take."""
    raw = msgspec.structs.asdict(answers)
    payments, income = raw.pop("monthly_payments"), raw["monthly_income"]
    raw["debt_service"] = round(100 * payments / income, 1) if income and payments is not None else None
    return {name: float(value) if isinstance(value, int) else value for name, value in raw.items()}


# What the borrower wants is his to say.
_OF_THE_PERSON = (set(Answers.__struct_fields__) | set(Living.__struct_fields__)) - {"amount", "term", "purpose"}


def informed(draft: Draft, values: Mapping[str, float | str | None]) -> tuple[Draft, set[str], set[str]]:
    """Return the draft with what sources know in place of what was told: with it their names, and those that won't do.

    Names that are no answers about the person are left alone.
    """
    taken, refused = set(), set()
    for name in sorted(_OF_THE_PERSON & values.keys()):
        value = values[name]
        new = {name: int(value) if isinstance(value, float) and value.is_integer() else value}
        try:
            draft = msgspec.structs.replace(
                draft, answers=_changed(draft.answers, new), living=_changed(draft.living, new)
            )  # fmt: skip
            taken.add(name)
        except Invalid:
            refused.add(name)
    return draft, taken, refused


def means(draft: Draft, *, verified: bool = False) -> Means:
    """Return what affordability is judged from; amount and term were answered. None stays what was not told.

    `verified`: the income is a source's and not his own word.
    """
    answers = draft.answers
    assert answers.amount is not None
    assert answers.term is not None
    income, spending, payments = (
        None if told is None else Decimal(told)
        for told in (answers.monthly_income, draft.living.essential_spending, answers.monthly_payments)
    )
    basis: Basis = "verified" if verified else "stated"
    return Means(CURRENCY, income, basis, spending, payments, Decimal(answers.amount), answers.term)
