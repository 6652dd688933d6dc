"""An artefact is loaded whole and as registered, or not at all."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from risk.learning.fit.glassbox import fit_glassbox
from risk.learning.fit.recipe import canonical
from risk.scoring.facade import ArtefactError, load_artefact, manifest_of
from tests.risk import synthetic


@pytest.fixture(scope="module")
def data() -> bytes:
    return fit_glassbox(*synthetic.book(), seed=1, recipe=synthetic.QUICK)


def test_the_registered_bytes_load(data: bytes) -> None:
    sha256 = hashlib.sha256(data).hexdigest()
    assert load_artefact(data, sha256=sha256).sha256 == sha256


@pytest.mark.fault("F26")
def test_every_flipped_bit_and_every_cut_is_refused(data: bytes) -> None:
    sha256 = hashlib.sha256(data).hexdigest()
    for bit in np.random.default_rng(1).integers(0, 8 * len(data), 200).tolist():
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ArtefactError, match="SHA-256"):
            load_artefact(bytes(flipped), sha256=sha256)
    for length in (0, 1, len(data) // 2, len(data) - 1):
        with pytest.raises(ArtefactError, match="SHA-256"):
            load_artefact(data[:length], sha256=sha256)


def test_a_wrong_hash_is_refused(data: bytes) -> None:
    for sha256 in ("", "0" * 64, hashlib.sha256(data + b" ").hexdigest()):
        with pytest.raises(ArtefactError, match="SHA-256"):
            load_artefact(data, sha256=sha256)


def _cut_main(content: dict[str, Any]) -> None:
    content["mains"][0].pop()


def _cut_row(content: dict[str, Any]) -> None:
    content["pairs"][0]["table"].pop()


def _cut_cell(content: dict[str, Any]) -> None:
    content["pairs"][0]["table"][1].pop()


def _swap(content: dict[str, Any]) -> None:
    content["pairs"][0].update(i=content["pairs"][0]["j"], j=content["pairs"][0]["i"])


def _repeat_pair(content: dict[str, Any]) -> None:
    content["pairs"].append(content["pairs"][0])


def _turn_cuts(content: dict[str, Any]) -> None:
    content["features"][0]["cuts"].reverse()


def _repeat_category(content: dict[str, Any]) -> None:
    content["features"][4]["categories"][0] = content["features"][4]["categories"][1]


def _cut_shares(content: dict[str, Any]) -> None:
    content["features"][0]["share_ppm"].pop()


def _repeat_name(content: dict[str, Any]) -> None:
    content["features"][0]["name"] = content["features"][1]["name"]


def _fraction(content: dict[str, Any]) -> None:
    content["mains"][0][0] = 0.5


def _huge(content: dict[str, Any]) -> None:
    content["mains"][0][0] = 10**15


def _other_format(content: dict[str, Any]) -> None:
    content["format"] = "luopan.glassbox/2"


def _unknown_field(content: dict[str, Any]) -> None:
    content["comment"] = "hello"


def _other_reference(content: dict[str, Any]) -> None:
    content["reasons"]["kind"] = "population_mean"


@pytest.mark.parametrize(
    "damage",
    [_cut_main, _cut_row, _cut_cell, _swap, _repeat_pair, _turn_cuts, _repeat_category, _cut_shares, _repeat_name,
     _fraction, _huge, _other_format, _unknown_field, _other_reference],
)  # fmt: skip
def test_content_that_does_not_fit_together_is_refused_even_with_its_own_hash(
    data: bytes, damage: Callable[[dict[str, Any]], None]
) -> None:
    content = json.loads(data)
    damage(content)
    spoilt = canonical(content)
    for read in (manifest_of, lambda found: load_artefact(found, sha256=hashlib.sha256(found).hexdigest())):
        with pytest.raises(ArtefactError):
            read(spoilt)


@pytest.mark.parametrize("other", [b"", b"{}", b"[]", b"\xff\xfe", b"null", b"\x80\x04K\x01."])
def test_other_bytes_are_refused(other: bytes) -> None:
    with pytest.raises(ArtefactError):
        manifest_of(other)
