"""What a simulation tells: the lines of its cycles, and the same drawn as SVG."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hub.figures import Figure, trend


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle: how the first model and the one in use rank all applicants of the cohort, and what was funded.

    `auc` and `ks` are against the hidden truth, None where all were good or all bad; the rates are shares, None where
    there was nobody to count. `pd_predicted` is what the model in use says of all applicants in the mean, `pd_true`
    what is true of them.
    """

    cycle: int
    auc_first_model: float | None
    auc: float | None
    ks: float | None
    approval_rate: float | None
    bad_rate_funded: float | None
    pd_predicted: float | None = None
    pd_true: float | None = None

    def plain(self) -> dict[str, Any]:
        """The figures rounded to six places, as `--json` prints them."""
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(self).items()}


def drawn(cycles: Sequence[Cycle]) -> Figure:
    """Draw how well the models rank over the cycles, and what came of those who were funded."""
    series = {
        "model in use, AUC": [one.auc or 0.0 for one in cycles],
        "first model, AUC": [one.auc_first_model or 0.0 for one in cycles],
        "model in use, KS": [one.ks or 0.0 for one in cycles],
        "approved": [one.approval_rate or 0.0 for one in cycles],
        "bad among the funded": [one.bad_rate_funded or 0.0 for one in cycles],
    }
    return trend(series, labels=[f"cycle {one.cycle}" for one in cycles], title="The loop, cycle by cycle")


def told(one: Cycle) -> str:
    """Say a cycle in one line."""
    figures = {"AUC": one.auc, "AUC of the first model": one.auc_first_model, "KS": one.ks}
    shares = {
        "approved": one.approval_rate, "bad among the funded": one.bad_rate_funded, "PD predicted": one.pd_predicted,
        "true": one.pd_true,
    }  # fmt: skip
    words = [f"{name} {'none' if value is None else f'{value:.4f}'}" for name, value in figures.items()]
    words += [f"{name} {'nobody' if value is None else f'{value:.1%}'}" for name, value in shares.items()]
    return f"cycle {one.cycle}: {', '.join(words)}"
