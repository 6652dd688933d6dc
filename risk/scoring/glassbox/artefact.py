"""The artefact `luopan.glassbox/1`: canonical JSON, one SHA-256 per content, refused unless it is whole.

Table values are integers in micro-logits, shares integers in parts per million, cuts floats in their shortest form.
"""

import hashlib
from typing import Annotated, Any, Literal, TypedDict

import msgspec

from risk.scoring.glassbox.axis import CategoryAxis, NumberAxis

FORMAT = "luopan.glassbox/1"
LIMIT_BYTES = 64 * 2**20
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
# A thousand logits: far beyond any fitted table, and sums of them stay far inside 64 bits.
MicroLogit = Annotated[int, msgspec.Meta(ge=-1_000_000_000, le=1_000_000_000)]


class ArtefactError(ValueError):
    """The artefact cannot be trusted: other bytes than registered, another format, or tables that do not fit."""


class Manifest(TypedDict):
    """What a registry keeps beside the bytes of an artefact."""

    format: str
    sha256: str
    bytes: int
    features: int
    pairs: int


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table over the bins of features i < j: `table[bin_i][bin_j]`."""

    i: int
    j: int
    table: list[list[MicroLogit]]


class BestValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="best_value"):
    """The policy constant of reasons: a value is compared with the best one of at least this share of the rows."""

    min_share: Share


class NearCutOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="near_cut_off"):
    """A value is compared with the one whose score is nearest to the mean of those who pass narrowly.

    `bins`: one of each feature, 0 where none can be stated; `rows` people whose PD lies in the `band` below `pd_below`.
    `min_share` is that of best values, which tell what would help.
    """

    min_share: Share
    pd_below: Share
    band: Share
    rows: Annotated[int, msgspec.Meta(ge=1)]
    bins: list[int]


class Artefact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of a fitted glass box."""

    format: Literal["luopan.glassbox/1"]
    features: list[NumberAxis | CategoryAxis]
    intercept: MicroLogit
    mains: list[list[MicroLogit]]
    pairs: list[Pair]
    reasons: BestValue | NearCutOff
    training: dict[str, Any]


def manifest_of(data: bytes) -> Manifest:
    """The manifest of an artefact's bytes. Raises ArtefactError for anything that is not a whole artefact."""
    artefact = decode(data)
    return Manifest(
        format=artefact.format,
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
        features=len(artefact.features),
        pairs=len(artefact.pairs),
    )


def decode(data: bytes) -> Artefact:
    """The checked content of an artefact's bytes. Raises ArtefactError."""
    if len(data) > LIMIT_BYTES:
        raise ArtefactError(f"The artefact has {len(data)} bytes, the limit is {LIMIT_BYTES}.")
    try:
        artefact = msgspec.json.decode(data, type=Artefact)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArtefactError(f"The artefact is not of the format {FORMAT}: {error}.") from error
    _check_features(artefact)
    _check_tables(artefact)
    _check_reference(artefact)
    return artefact


def _check_features(artefact: Artefact) -> None:
    names = [axis.name for axis in artefact.features]
    if not names or len(names) != len(set(names)):
        raise ArtefactError("The artefact's features are empty or repeated.")
    for axis in artefact.features:
        fault = axis.fault()
        if fault is None and (len(axis.share_ppm) != axis.size or min(axis.share_ppm) < 0):
            fault = "its shares do not match its bins"
        if fault:
            raise ArtefactError(f"Feature {axis.name!r}: {fault}.")


def _check_tables(artefact: Artefact) -> None:
    sizes = [axis.size for axis in artefact.features]
    if [len(main) for main in artefact.mains] != sizes:
        raise ArtefactError("The artefact's main tables do not match its features.")
    seen = [(pair.i, pair.j) for pair in artefact.pairs]
    if len(seen) != len(set(seen)):
        raise ArtefactError("The artefact has a pair twice.")
    for pair in artefact.pairs:
        if not 0 <= pair.i < pair.j < len(sizes):
            raise ArtefactError(f"The pair ({pair.i}, {pair.j}) names no two features in order.")
        widths = {len(row) for row in pair.table}
        if len(pair.table) != sizes[pair.i] or widths != {sizes[pair.j]}:
            raise ArtefactError(f"The table of the pair ({pair.i}, {pair.j}) does not match its features.")


def _check_reference(artefact: Artefact) -> None:
    if isinstance(artefact.reasons, NearCutOff):
        axes = artefact.features
        bins = artefact.reasons.bins
        fits = len(bins) == len(axes) and all(
            not index or index in axis.real_bins for index, axis in zip(bins, axes, strict=True)
        )
        if not fits:
            raise ArtefactError("The artefact's reference of reasons does not match its features.")
