"""Rings of keys: several master keys open, chains of index keys are found, what older versions wrote still counts."""

import hashlib
import hmac
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from hub import vault
from hub.keyrings import IndexKey, IndexKeys, MasterKeys, SealBroken, open_sealed, seal

OLD, NEW, OTHER = (bytes([n]) * 32 for n in (1, 2, 3))
TEXT = {OLD: "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", NEW: "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="}
# Bytes of the version before keys had names: "secret" under OLD, for the place "t|c|1".
KEPT = bytes.fromhex("01000102030405060708090a0bc8c3f654458a5828d5e9a0437cf63046edefd2ff35c3")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in (*vault.NEEDED, *vault.ALSO):
        monkeypatch.delenv(f"LUOPAN_{name.upper()}", raising=False)

    def give(**values: str) -> vault.Secrets:
        whole = {"secret_key": "s" * 50, "master_key": TEXT[NEW], "index_key": TEXT[OLD], "seal_key": TEXT[NEW]}
        for name, value in (whole | values).items():
            monkeypatch.setenv(f"LUOPAN_{name.upper()}", value)
        return vault.load(Path("/nonexistent"), may_make=False)

    return give


def test_a_sealed_value_names_its_key() -> None:
    before, after = MasterKeys([OLD]), MasterKeys([NEW, OLD])
    old, new = before.seal(b"secret", place="p"), after.seal(b"secret", place="p")
    assert old.startswith(before.beginning)
    assert new.startswith(after.beginning)
    assert before.beginning[1:] == before.name != after.name
    assert after.open(old, place="p") == after.open(new, place="p") == b"secret"
    assert MasterKeys([OLD, NEW]).open(new, place="p") == b"secret"


@pytest.mark.parametrize("ring", [[OLD], [NEW, OLD], [OLD, NEW], [OTHER, NEW, OLD]])
def test_what_was_sealed_before_keys_had_names_still_opens(ring: list[bytes]) -> None:
    assert MasterKeys(ring).open(KEPT, place="t|c|1") == b"secret"


def test_an_old_key_is_refused_once_it_is_dropped() -> None:
    for sealed in (MasterKeys([OLD]).seal(b"secret", place="t|c|1"), KEPT):
        with pytest.raises(SealBroken):
            MasterKeys([NEW]).open(sealed, place="t|c|1")


@pytest.mark.parametrize("at", range(0, 39, 3))
def test_one_changed_bit_is_noticed(at: int) -> None:
    ring = MasterKeys([NEW, OLD])
    sealed = bytearray(ring.seal(b"secret", place="p"))
    sealed[at] ^= 1
    with pytest.raises(SealBroken):
        ring.open(bytes(sealed), place="p")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02", b"\x02abcd", b"\x03" + bytes(60)])
def test_what_is_no_sealed_value_is_refused(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        MasterKeys([OLD]).open(sealed, place="p")
    with pytest.raises(SealBroken):
        open_sealed(OLD, sealed, place="p")


def test_another_place_is_refused() -> None:
    ring = MasterKeys([OLD])
    with pytest.raises(SealBroken):
        ring.open(ring.seal(b"secret", place="a"), place="b")
    with pytest.raises(SealBroken):
        open_sealed(OLD, seal(OLD, b"secret", place="a"), place="b")


def test_an_index_of_one_key_is_what_it_always_was() -> None:
    assert IndexKey([OLD]).of(b"p\0v") == hmac.digest(OLD, b"p\0v", "sha256")


def test_a_chain_lifts_what_its_shorter_ones_made() -> None:
    one, two, three = (IndexKey([OLD, NEW, OTHER][:n]) for n in (1, 2, 3))
    index = one.of(b"m")
    assert two.lift(index) == two.of(b"m") != index
    assert three.lift(index) == three.lift(two.lift(index)) == three.of(b"m")
    assert three.lift(three.of(b"m")) == three.of(b"m")
    name = hashlib.sha256(b"luopan index key|" + OLD + NEW).digest()[:4]
    assert two.of(b"m") == name + hmac.digest(NEW, index, "sha256")
    for foreign in (three.of(b"m"), IndexKey([OLD, OTHER]).of(b"m"), b"", b"short"):
        with pytest.raises(ValueError, match="another chain"):
            two.lift(foreign)


def test_all_known_keys_are_looked_for_and_the_first_writes() -> None:
    one, two = IndexKey([OLD]), IndexKey([OLD, NEW])
    assert IndexKeys([one]).forms(b"m") == (one.of(b"m"),)
    for ring in (IndexKeys([one, two]), IndexKeys([two, one])):
        assert ring.forms(b"m") == (one.of(b"m"), two.of(b"m"))
        assert ring.longest is two
    assert IndexKeys([two, one]).first is two


def test_secrets_from_the_environment(environment: Any) -> None:
    plain = environment()
    assert plain.master.open(MasterKeys([NEW]).seal(b"x", place="p"), place="p") == b"x"
    assert (plain.index.forms(b"m"), plain.secret_keys_also) == ((IndexKey([OLD]).of(b"m"),), ())
    rotating = environment(
        master_keys_also=TEXT[OLD], index_key=f"{TEXT[OLD]}.{TEXT[NEW]}", index_keys_also=TEXT[OLD],
        secret_keys_also=f"{'t' * 50}, {'u' * 50}",
    )  # fmt: skip
    assert rotating.master.open(KEPT, place="t|c|1") == b"secret"
    assert rotating.index.first.links == (OLD, NEW)
    assert len(rotating.index.forms(b"m")) == 2
    assert rotating.secret_keys_also == ("t" * 50, "u" * 50)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"master_keys_also": "c2hvcnQ="}, "LUOPAN_MASTER_KEYS_ALSO is not 32 bytes"),
        ({"index_key": f"{TEXT[OLD]}.x"}, "LUOPAN_INDEX_KEY is not 32 bytes"),
        ({"index_keys_also": f"{TEXT[OLD]}.x"}, "LUOPAN_INDEX_KEYS_ALSO is not 32 bytes"),
        ({"secret_keys_also": "x" * 5}, "LUOPAN_SECRET_KEYS_ALSO is too short"),
        ({"index_key": TEXT[NEW], "index_keys_also": TEXT[OLD]}, "do not continue each other"),
        ({"index_keys_also": TEXT[OLD]}, "do not continue each other"),
    ],
)
def test_keys_that_will_not_do_stop_the_start(environment: Any, values: dict[str, str], said: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=said):
        environment(**values)


def test_an_old_file_of_secrets_goes_on_working(environment: Any, tmp_path: Path) -> None:
    old = {"secret_key": "s" * 44, "master_key": TEXT[OLD], "index_key": TEXT[OLD]}
    (tmp_path / "secrets.json").write_text(json.dumps(old))
    first = vault.load(tmp_path, may_make=True)
    assert first.master.open(KEPT, place="t|c|1") == b"secret"
    kept = json.loads((tmp_path / "secrets.json").read_text())
    assert old.items() <= kept.items()
    assert set(kept) == set(vault.NEEDED)
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    kept |= {"master_key": TEXT[NEW], "master_keys_also": [TEXT[OLD]]}
    (tmp_path / "secrets.json").write_text(json.dumps(kept))
    again = vault.load(tmp_path, may_make=True)
    assert again.master.name == MasterKeys([NEW]).name
    assert again.master.open(KEPT, place="t|c|1") == b"secret"
