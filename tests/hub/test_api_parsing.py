"""Bodies: JSON without ambiguities, and typed values with every fault named."""

import json
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.request import Request

from hub.api import decode
from hub.errors import DomainError, Invalid, Malformed, TooLarge
from hub.parsing import BODY_MAX, DEPTH_MAX, Moment, _strictly, strict_json


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)]
    at: Moment
    purpose: Literal["buy", "build"]


class Body(msgspec.Struct, forbid_unknown_fields=True):
    inner: Inner
    values: dict[str, float | int | str | None]
    items: list[Inner] = []
    count: Annotated[int, msgspec.Meta(ge=0)] = 0
    who: UUID | None = None
    other: Inner | None = None
    rate: Decimal | None = None


INNER = {"name": "abc", "at": "2026-01-02T03:04:05+08:00", "purpose": "buy"}
GOOD = {"inner": INNER, "values": {"a": 1.5, "b": 2, "c": "x", "d": None}, "rate": "1.25"}


def request(body: bytes, content_type: str = "application/json", **extra: Any) -> Request:
    plain = RequestFactory().post("/x", body, content_type=content_type, **extra)
    return Request(plain)


def faults(body: Any) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as caught:
        decode(request(json.dumps(body).encode()), Body)
    assert all(fault.detail.endswith(".") for fault in caught.value.errors)
    return {(fault.pointer, fault.code) for fault in caught.value.errors}


def test_good_body() -> None:
    found = decode(request(json.dumps(GOOD).encode()), Body)
    assert found.inner.at.isoformat() == "2026-01-02T03:04:05+08:00"
    assert found.values == {"a": 1.5, "b": 2, "c": "x", "d": None}
    assert found.rate == Decimal("1.25")


def test_every_fault_is_named_at_once() -> None:
    inner = {"name": "abcdefg", "at": "2026-01-02", "purpose": "steal", "extra": 1}
    body = {
        "inner": inner, "values": {"a/b": [], "~": {}}, "items": [INNER, {"name": 1}, 3], "count": -1, "who": "me",
        "other": {"name": ""}, "unknown": 1,
    }  # fmt: skip
    assert faults(body) == {
        ("/inner/name", "out_of_range"),
        ("/inner/at", "wrong_format"),
        ("/inner/purpose", "unknown_value"),
        ("/inner/extra", "unknown_field"),
        ("/values/a~1b", "wrong_type"),
        ("/values/~0", "wrong_type"),
        ("/items/1/name", "wrong_type"),
        ("/items/1/at", "missing"),
        ("/items/1/purpose", "missing"),
        ("/items/2", "wrong_type"),
        ("/count", "out_of_range"),
        ("/who", "wrong_format"),
        ("/other/name", "out_of_range"),
        ("/other/at", "missing"),
        ("/other/purpose", "missing"),
        ("/unknown", "unknown_field"),
    }


@pytest.mark.parametrize("body", [[], None, 1, "x", True])
def test_not_an_object(body: Any) -> None:
    assert faults(body) == {("", "wrong_type")}


@pytest.mark.parametrize("at", ["2026-01-02T03:04:05", "2001-02-29T00:00:00Z", "tomorrow", 1, None])
def test_moments_need_their_offset(at: Any) -> None:
    assert {pointer for pointer, _ in faults({**GOOD, "inner": {**INNER, "at": at}})} == {"/inner/at"}


@pytest.mark.parametrize(
    "at",
    ["0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "1899-12-31T23:59:59Z",
     "2200-01-01T00:00:00Z"],
)  # fmt: skip
def test_no_business_is_done_at_the_ends_of_the_calendar(at: str) -> None:
    body = {**GOOD, "inner": {**INNER, "at": at}, "items": [INNER, {**INNER, "at": at}]}
    assert faults(body) == {("/inner/at", "out_of_range"), ("/items/1/at", "out_of_range")}


@pytest.mark.parametrize("count", ["1", 1.5, True, None])
def test_nothing_is_converted_silently(count: Any) -> None:
    assert faults({**GOOD, "count": count}) == {("/count", "wrong_type")}


def test_what_was_sent_is_not_repeated() -> None:
    body = {**GOOD, "inner": {**INNER, "purpose": "A123456(7)"}, "k" * 5000: 1}
    with pytest.raises(Invalid) as caught:
        decode(request(json.dumps(body).encode()), Body)
    text = "".join(fault.pointer + fault.detail for fault in caught.value.errors)
    assert "A123456" not in text
    assert len(text) < 500


def test_there_is_an_end_to_the_list_of_faults() -> None:
    assert len(faults({f"x{n}": 1 for n in range(5000)})) == 100


@pytest.mark.parametrize(
    "body",
    [
        '{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', '{"a":NaN}', '{"a":Infinity}', '{"a":-Infinity}', '{"a":1e400}',
        '{"a":-1e999}', "[", "{} trailing", "{}{}", "\ufeff{}", '{"s":"\\u0000"}', '{"\\u0000":1}', '{"s":"\\ud800"}',
        '{"s":"\\udc00\\ud800"}', '{"\\udfff":1}', "nul", "'a'", "{'a':1}", '{"a":01}', '{"a":1.}', '{"a":+1}', "\x00",
        '"\t"', '"\\x"', '{"a":9223372036854775808}', '{"a":-9223372036854775809}', "1" * 5000, "//", '{"a":1,}',
        "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1), "[" * 100_000, '{"a":' * 50_000, "\u00a0{}", "é",
    ],
)  # fmt: skip
def test_ambiguous_texts(body: str) -> None:
    with pytest.raises(Malformed):
        strict_json(body.encode())


@pytest.mark.parametrize("body", [b"\xff", b'"\xed\xa0\x80"', b'"\xc0\x80"', "{}".encode("utf-16"), b"\xf8"])
def test_not_utf8(body: bytes) -> None:
    with pytest.raises(Malformed):
        strict_json(body)


@pytest.mark.parametrize(
    "value",
    [
        {}, [], "", "😀", "\u0001", "\ue000", 9223372036854775807, -9223372036854775808, 1e308, 5e-324, None, False,
        {"a": {"a": 1}}, {"": ""}, "\\u0000", "\\ud800",
    ],
)  # fmt: skip
def test_what_is_fine_stays_as_it_is(value: Any) -> None:
    for ascii_only in (True, False):
        assert strict_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


def test_depth_has_its_limit_and_no_less() -> None:
    assert strict_json(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)


def test_size() -> None:
    assert strict_json(b'"' + b"x" * (BODY_MAX - 2) + b'"')
    with pytest.raises(TooLarge):
        strict_json(b'"' + b"x" * (BODY_MAX - 1) + b'"')
    for size in (BODY_MAX + 1, 3_000_000):
        with pytest.raises(TooLarge):
            decode(request(b" " * size), Body)


def test_no_body() -> None:
    with pytest.raises(Malformed):
        decode(request(b""), Body)


def test_every_refusal_is_a_domain_error() -> None:
    for size in range(len(json.dumps(GOOD))):
        with pytest.raises(DomainError):
            decode(request(json.dumps(GOOD).encode()[:size]), Body)


def either(read: Any, raw: bytes) -> Any:
    try:
        return repr(read(raw))
    except DomainError as error:
        return type(error), error.detail


SCALARS: Any = (
    st.none() | st.booleans() | st.floats() | st.integers(-(2**70), 2**70) | st.sampled_from([2**63 - 1, -(2**63)])
    | st.text(st.sampled_from('a":{}[],\\\0\n\x7fé\u2028二'), max_size=6)
)  # fmt: skip
KEYS = st.sampled_from(["a", "b", 'c":', '"', "é", "k\n", ""])
BODIES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
PIECES = [
    b'{"a":1,"a":2}', b"NaN", b"\xef\xbb\xbf", b"1e999", b"-0", b"01", b"\\u0000", b"\\ud800", b"\t", b"\0", b'"', b"{",
    b"]", b"1E2", b" ", b"\xff", b",", b'"a" :', b"[" * 40,
]  # fmt: skip


@given(
    body=BODIES,
    ascii_only=st.booleans(),
    pieces=st.lists(st.tuples(st.integers(0), st.sampled_from(PIECES)), max_size=2),
)
@settings(max_examples=500, deadline=None)
def test_the_fast_way_reads_as_the_strict_one(body: Any, ascii_only: bool, pieces: list[tuple[int, bytes]]) -> None:
    raw = json.dumps(body, ensure_ascii=ascii_only).encode()
    for at, piece in pieces:
        cut = at % (len(raw) + 1)
        raw = raw[:cut] + piece + raw[cut + at % 2 :]
    assert either(strict_json, raw) == either(_strictly, raw)
