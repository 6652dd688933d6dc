"""What a glass box is fitted with, and what was settled before its first bag. Both are plain JSON."""

import hashlib
import json
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from risk.learning.fit.grid import GridAxis

PLAN_FORMAT = "luopan.glassbox-plan/1"
BAG_FORMAT = "luopan.glassbox-bag/1"
SMALL_ROWS = 5_000
LARGE_CELLS = 2_000_000


class Growth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How trees grow. `rounds` of 0 leaves the number of trees to be chosen, up to the recipe's limit."""

    leaves: int = 8
    min_leaf_rows: int = 20
    learning_rate: float = 0.05
    l2: float = 10.0
    rounds: int = 0


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a glass box. A single growth with its rounds given needs no choice and no inner fits.

    A `scorecard` takes none of the others, but for `min_share`: it has classes of its own and always keeps to the
    features' directions.
    """

    learner: Literal["glassbox", "scorecard"] = "glassbox"
    bins: int = 64
    bags: int = 3
    # Share of the rows in each bag, and of the features that one split may choose from: what makes bags differ.
    row_share: float = 1.0
    feature_share: float = 0.4
    # All pairs below this number of features, else the best `pairs`.
    all_pairs_below: int = 30
    pairs: int = 20
    # Keep to the features' directions: what is said to a person of "too much" or "too little" must be true.
    monotone: bool = True
    growths: tuple[Growth, ...] = (Growth(leaves=4), Growth(leaves=8), Growth(leaves=8, min_leaf_rows=100, l2=1.0))
    max_rounds: int = 1000
    # Part of the rows held back to choose the growth: the latest ones where time is known.
    held_back: float = 0.25
    # A bin may be called best in a reason if it holds at least this share of the rows.
    min_share: float = 0.01


def recipe_for(rows: int, features: int) -> Recipe:
    """The recipe for a book of this size.

    A large one gets larger steps and one bag less, so that it ends in time; a small one may do without pairs.
    """
    recipe = Recipe()
    if rows < SMALL_ROWS:
        return replace(recipe, growths=(Growth(leaves=2), *recipe.growths))
    if rows * features > LARGE_CELLS:
        growths = tuple(replace(growth, learning_rate=0.1) for growth in recipe.growths)
        return replace(recipe, bags=2, growths=growths, max_rounds=500)
    return recipe


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the bags of one training share. `book_sha256` is of its coded rows and labels.

    `since`: the earliest time of the rows that are learnt from, None for all; `rows` and `bads` count those.
    """

    format: str
    recipe: Recipe
    seed: int
    grid: list[GridAxis]
    share_ppm: list[list[int]]
    growth: Growth
    since: float | None
    pairs: list[tuple[int, int]]
    rows: int
    bads: int
    book_format: str
    book_sha256: str

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self)

    @property
    def sizes(self) -> list[int]:
        """Codes of each feature."""
        return [axis.codes for axis in self.grid]


class Bag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fitted model as the boxes of its leaves: ([[feature, first, last, missing], ...], value)."""

    format: str
    plan_sha256: str
    number: int
    baseline: float
    boxes: list[tuple[list[tuple[int, int, int, bool]], float]]

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical(self)


def plan_from(data: bytes) -> Plan:
    """A plan from its bytes. Raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(data, type=Plan)


def bag_from(data: bytes) -> Bag:
    """A bag from its bytes. Raises msgspec.DecodeError for anything else."""
    return msgspec.json.decode(data, type=Bag)


def canonical(content: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces, ASCII, floats in their shortest form."""
    plain = msgspec.to_builtins(content)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def digest(data: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
