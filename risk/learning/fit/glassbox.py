"""The glass box learner: boosting restricted to pairs of features, compiled into integer tables.

`prepare` settles the grid, the pairs and the growth; `fit_bag` fits one bag, so that a training can keep each and
go on after a fall; `combine` makes the artefact. The same book, recipe and seed give the same bytes.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from risk.learning.fit import boxes as trees
from risk.learning.fit.choice import MORE_ROUNDS, best_pairs, choose
from risk.learning.fit.frame import Floats, Frame, Labels, checked_labels
from risk.learning.fit.grid import Codes, GridAxis, direction_of, encode, make_grid
from risk.learning.fit.recipe import BAG_FORMAT, PLAN_FORMAT, Bag, Growth, Plan, Recipe, canonical, digest, recipe_for
from risk.learning.fit.scorecard import classed_grid, fit_scorecard
from risk.learning.fit.tables import IntegerTables, Tables, add_up, made_monotone, mean_of, purified, rounded

FORMAT = "luopan.glassbox/1"
PPM = 1_000_000
# The tables of a bag against its model, in logits: both add the same numbers, in another order.
AGREEMENT = 1e-8
# Where nothing can be chosen (too few rows of a class to hold any back).
FALLBACK_ROUNDS = 100


class CompileError(RuntimeError):
    """The compiled tables do not give what the fitted model gives."""


def fit_glassbox(
    frame: Frame,
    labels: NDArray[Any],
    *,
    seed: int,
    recipe: Recipe | None = None,
    time: Floats | None = None,
    book_format: str = "",
) -> bytes:
    """The artefact of a book in one go. With `time` (days or so, ascending) choices are made out of time."""
    plan = prepare(frame, labels, seed=seed, recipe=recipe, time=time, book_format=book_format)
    bags = [fit_bag(frame, labels, plan, number, time=time) for number in range(plan.recipe.bags)]
    return combine(plan, bags)


def prepare(
    frame: Frame,
    labels: NDArray[Any],
    *,
    seed: int,
    recipe: Recipe | None = None,
    time: Floats | None = None,
    book_format: str = "",
) -> Plan:
    """Settle what all bags share. `book_format` names the mapping or layout of the book, without dates.

    With time the plan may leave out old rows (`since`) where the latest part of the book is better told without them.
    """
    recipe = recipe or recipe_for(frame.rows, len(frame.features))
    marks = checked_labels(frame, labels)
    card = recipe.learner == "scorecard"
    growth, since = (Growth(), None) if card else _chosen(frame, marks, seed=seed, recipe=recipe, time=time)
    frame, marks = _since(frame, marks, since, time)
    grid = classed_grid(frame, marks) if card else make_grid(frame, marks, bins=recipe.bins)
    codes = encode(grid, frame)
    return Plan(
        format=PLAN_FORMAT,
        recipe=recipe,
        seed=seed,
        grid=grid,
        share_ppm=[_share_ppm(axis, frame) for axis in grid],
        growth=growth,
        since=since,
        pairs=[] if card else _pairs(codes, marks, recipe),
        rows=frame.rows,
        bads=int(marks.sum()),
        book_format=book_format,
        book_sha256=digest(canonical(grid) + codes.tobytes() + marks.tobytes()),
    )


def fit_bag(frame: Frame, labels: NDArray[Any], plan: Plan, number: int, *, time: Floats | None = None) -> Bag:
    """Fit bag `number` (0, 1, ...), with the same `time` as the plan was made with.

    Raises ValueError for another book than the plan's, CompileError for bad tables.
    """
    frame, marks = _since(frame, checked_labels(frame, labels), plan.since, time)
    codes = encode(plan.grid, frame)
    if digest(canonical(plan.grid) + codes.tobytes() + marks.tobytes()) != plan.book_sha256:
        raise ValueError("This is not the book that the plan was made for.")
    card = plan.recipe.learner == "scorecard"
    baseline, leaves = fit_scorecard(codes, marks, plan.grid) if card else _trees(codes, marks, plan, number)
    sides = [([(feature, *side) for feature, side in sorted(box.items())], value) for box, value in leaves]
    return Bag(BAG_FORMAT, digest(plan.to_bytes()), number, baseline, sides)


def _trees(codes: Codes, labels: Labels, plan: Plan, number: int) -> tuple[float, list[trees.Box]]:
    model = fit_model(codes, labels, plan, number)
    leaves = list(trees.boxes(model, plan.sizes))
    baseline = trees.baseline(model)
    check_tables(add_up(leaves, baseline=baseline, sizes=plan.sizes), model, plan)
    return baseline, leaves


def fit_model(codes: Codes, labels: Labels, plan: Plan, number: int) -> HistGradientBoostingClassifier:
    """The model of one bag: a sample of the rows without replacement, and a seed of its own."""
    rng = np.random.default_rng([plan.seed, number])
    rows = np.sort(rng.permutation(len(codes))[: max(2, round(plan.recipe.row_share * len(codes)))])
    if len(np.unique(labels[rows])) < 2:
        rows = np.arange(len(codes))
    model = builder(
        [axis.direction for axis in plan.grid], plan.pairs, plan.recipe, plan.growth, int(rng.integers(2**31))
    )
    return trees.fit_on(model, codes[rows], labels[rows])


def builder(
    directions: Sequence[int], pairs: Sequence[tuple[int, int]], recipe: Recipe, growth: Growth, seed: int
) -> HistGradientBoostingClassifier:
    """An unfitted model that is held to single features and the given pairs; one direction for each feature."""
    return HistGradientBoostingClassifier(
        learning_rate=growth.learning_rate,
        max_iter=growth.rounds,
        max_leaf_nodes=growth.leaves,
        min_samples_leaf=growth.min_leaf_rows,
        l2_regularization=growth.l2,
        max_features=recipe.feature_share,
        max_bins=255,
        interaction_cst=[{at} for at in range(len(directions))] + [set(pair) for pair in pairs],
        monotonic_cst=directions if recipe.monotone else None,
        early_stopping=False,
        random_state=seed,
    )


def check_tables(tables: Tables, model: HistGradientBoostingClassifier, plan: Plan) -> None:
    """Compare tables and model on 2,000 rows of random codes. Raises CompileError where they differ."""
    rng = np.random.default_rng(plan.seed)
    codes = np.column_stack([rng.integers(0, size, 2000).astype(np.uint8) for size in plan.sizes])
    gap = float(np.abs(tables.logits(codes) - model.decision_function(trees.model_input(codes))).max())
    if gap > AGREEMENT:
        raise CompileError(f"Tables and model differ by {gap:.2g} logits: is this release of scikit-learn supported?")


def combine(plan: Plan, bags: Sequence[Bag]) -> bytes:
    """The artefact of a plan and all its bags, in any order. Raises ValueError if they do not belong together."""
    plan_sha256 = digest(plan.to_bytes())
    ordered = sorted(bags, key=lambda bag: bag.number)
    if [bag.number for bag in ordered] != list(range(plan.recipe.bags)):
        raise ValueError(f"The plan asks for the bags 0 to {plan.recipe.bags - 1}.")
    if any(bag.plan_sha256 != plan_sha256 for bag in ordered):
        raise ValueError("A bag belongs to another plan.")
    return canonical(_artefact(plan, integer_tables(plan, [_tables_of(bag, plan.sizes) for bag in ordered])))


def integer_tables(plan: Plan, models: Sequence[Tables]) -> IntegerTables:
    """The average of the bags' tables, purified and in micro-logits."""
    shares = [_weights(axis, ppm) for axis, ppm in zip(plan.grid, plan.share_ppm, strict=True)]
    tables = rounded(purified(mean_of(models), shares))
    if not plan.recipe.monotone:
        return tables
    return made_monotone(tables, [axis.direction for axis in plan.grid])


def _weights(axis: GridAxis, ppm: Sequence[int]) -> Floats:
    """The share of each code. The last one of a category is of unseen values, which have the missing code here."""
    counts = np.array(ppm if axis.kind == "number" else [ppm[0] + ppm[-1], *ppm[1:-1]], dtype=np.float64)
    return np.asarray(counts / counts.sum())


def _tables_of(bag: Bag, sizes: Sequence[int]) -> Tables:
    leaves = (({at: (first, last, missing) for at, first, last, missing in sides}, value) for sides, value in bag.boxes)
    return add_up(leaves, baseline=bag.baseline, sizes=sizes)


def _artefact(plan: Plan, tables: IntegerTables) -> dict[str, Any]:
    unknown = [axis.kind == "category" for axis in plan.grid]
    mains = [_with_unknown(main, unknown[at], False).tolist() for at, main in enumerate(tables.mains)]
    pairs = [
        {"i": i, "j": j, "table": _with_unknown(table, unknown[i], unknown[j]).tolist()}
        for (i, j), table in tables.pairs.items()
    ]
    return {
        "format": FORMAT,
        "features": [_axis(axis, ppm) for axis, ppm in zip(plan.grid, plan.share_ppm, strict=True)],
        "intercept": tables.intercept,
        "mains": mains,
        "pairs": pairs,
        "reasons": {"kind": "best_value", "min_share": plan.recipe.min_share},
        "training": {
            "rows": plan.rows,
            "bads": plan.bads,
            "seed": plan.seed,
            "recipe": plan.recipe,
            "growth": plan.growth,
            "since": plan.since,
            "book": {"format": plan.book_format, "sha256": plan.book_sha256},
        },
    }


def _axis(axis: GridAxis, share_ppm: Sequence[int]) -> dict[str, Any]:
    edges = {"cuts": axis.cuts} if axis.kind == "number" else {"categories": axis.groups}
    common = {"name": axis.name, "kind": axis.kind, "unit": axis.unit, "direction": axis.direction}
    return {**common, **edges, "share_ppm": share_ppm}


def _with_unknown(table: NDArray[np.int64], rows: bool, columns: bool) -> NDArray[np.int64]:
    """Add the bin of unknown values, which score as missing ones."""
    table = np.concatenate([table, table[:1]]) if rows else table
    return np.concatenate([table, table[:, :1]], axis=1) if columns else table


def _share_ppm(axis: GridAxis, frame: Frame) -> list[int]:
    """Rows in each bin in parts per million; for a category the unseen and rare ones last."""
    column = frame.columns[axis.name]
    counts = np.bincount(axis.encode(column), minlength=axis.codes).tolist()
    if axis.kind == "category":
        missing = int(sum(value is None for value in column.tolist()))
        counts = [missing, *counts[1:], counts[0] - missing]
    return [round(PPM * count / frame.rows) for count in counts]


def _pairs(codes: Codes, labels: Labels, recipe: Recipe) -> list[tuple[int, int]]:
    features = codes.shape[1]
    if features < recipe.all_pairs_below:
        return list(combinations(range(features), 2))
    return best_pairs(codes, labels, recipe.pairs)


def _since(frame: Frame, labels: Labels, since: float | None, time: Floats | None) -> tuple[Frame, Labels]:
    """The rows that a plan learns from."""
    if since is None:
        return frame, labels
    if time is None:
        raise ValueError("The plan leaves out old rows: it needs the rows' times.")
    rows = np.flatnonzero(time >= since)
    return frame.take(rows), labels[rows]


def _chosen(
    frame: Frame, labels: Labels, *, seed: int, recipe: Recipe, time: Floats | None
) -> tuple[Growth, float | None]:
    """The growth with the least held-back log loss, its rounds settled, and since when rows count."""
    first = recipe.growths[0]
    if len(recipe.growths) == 1 and first.rounds:
        return first, None
    directions = [direction_of(feature) for feature in frame.features]
    growths = [replace(growth, rounds=growth.rounds or recipe.max_rounds) for growth in recipe.growths]

    def build(codes: Codes, marks: Labels) -> list[HistGradientBoostingClassifier]:
        pairs = _pairs(codes, marks, recipe)
        return [builder(directions, pairs, recipe, growth, seed) for growth in growths]

    choice = choose(frame, labels, build, bins=recipe.bins, seed=seed, held_back=recipe.held_back, time=time)
    if choice is None:
        return replace(first, rounds=first.rounds or FALLBACK_ROUNDS), None
    rounds = round(choice.rounds * (MORE_ROUNDS if time is None else 1))
    return replace(growths[choice.model], rounds=rounds), choice.since
