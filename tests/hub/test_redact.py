"""What may stand in a log, and what may not."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import redact

ID = "01a206f7-428a-707c-acb1-c33270cd8006"


@pytest.mark.parametrize(
    "key",
    [
        "password", "Password", "new_password", "passwordhash", "access_token", "accessToken", "client-secret",
        "Authorization", "Cookie", "idempotency_key", "apiKey", "api_key", "code", "otp_code", "email", "userEmail",
        "phone", "first_name", "name", "features", "inputs", "values", "body", "params", "args", "X-CSRFToken",
        "private_key_jwt", "session_id", "reference",
    ],
)  # fmt: skip
def test_keys_that_hide_their_value(key: str) -> None:
    assert redact.mapping({key: {"deep": ["hunter2"]}}) == {key: "[redacted]"}


@pytest.mark.parametrize(
    "key", ["status", "route", "ms", "queue", "task", "rows", "monkey_count", "decode_ms", "line_id"]
)
def test_keys_that_do_not(key: str) -> None:
    assert redact.mapping({key: 7}) == {key: 7}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Authorization: Bearer abc.DEF-123~x==", "Authorization: [redacted]"),
        ("header Basic dXNlcjpwYXNz end", "header [redacted] end"),
        ("got eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln today", "got [redacted] today"),  # pragma: allowlist secret
        ("login of May.Chan+x@example.com.hk failed", "login of [redacted] failed"),
        ("dial +852 9123 4567 now", "dial [redacted] now"),
        ("dial 9123 4567 now", "dial [redacted] now"),
        ("card 4111 1111 1111 1111", "card [redacted]"),
        ("account 012-345678-901", "account [redacted]"),
        ("card A123456(7) was shown", "card [redacted] was shown"),
        ("number 123456789", "number [redacted]"),
        ("GET /oauth/cb?code=abc&state=x HTTP", "GET /oauth/cb[redacted] HTTP"),
        ("amqp://luopan:hunter2@rabbit:5672/v", "amqp[redacted]rabbit:5672/v"),  # pragma: allowlist secret
        ("password=hunter2 ok", "[redacted] ok"),
        ("Key (email)=(may@example.com) already exists", "Key (email)=([redacted]) already exists"),
    ],
)
def test_patterns_in_any_string(said: str, told: str) -> None:
    assert redact.text(said) == told
    assert redact.clean([{"note": said}]) == [{"note": told}]


@pytest.mark.parametrize(
    "harmless",
    [
        f"referral {ID} moved", "2026-11-23T05:53:34.181071Z", "on 2026-11-23 05:00 it rained", "took 123456 rows",
        "line 42 of 30000", "platform/hub/outbox.py:88", "version 18.4.1", "/api/v1/scores/{id}",
    ],
)  # fmt: skip
def test_what_stays(harmless: str) -> None:
    assert redact.text(harmless) == harmless


def test_objects_become_text_or_their_type() -> None:
    class Borrower:
        def __repr__(self) -> str:
            return "Borrower(May Chan)"

    given_ = {
        "a": UUID(ID),
        "b": Decimal("1.5"),
        "c": datetime(2026, 1, 2, tzinfo=UTC),
        "d": Borrower(),
        "e": b"raw",
        "f": Path("x"),
    }
    assert redact.clean(given_) == {
        "a": ID, "b": "1.5", "c": "2026-01-02 00:00:00+00:00", "d": "<Borrower>", "e": "<bytes>", "f": "x",
    }  # fmt: skip


def test_everything_has_a_limit() -> None:
    assert len(redact.text("a" * 10_000)) == 2000
    assert len(redact.clean(list(range(1000)))) == 50
    deep: object = "x"
    for _ in range(20):
        deep = [deep]
    assert "<list>" in str(redact.clean(deep))


def _fail(card: str) -> None:
    held = f"May Chan {card}"
    raise ValueError(held)


def test_exceptions_by_type_and_place_alone() -> None:
    try:
        try:
            _fail("4111111111111111")
        except ValueError as error:
            raise KeyError("may@example.com") from error
    except KeyError as caught:
        told = redact.error(caught)
    assert told["type"] == "builtins.KeyError"
    assert re.fullmatch(r"tests/hub/test_redact\.py:\d+ test_exceptions_by_type_and_place_alone", told["at"][0])
    assert told["cause"]["type"] == "builtins.ValueError"
    assert told["cause"]["at"][-1].endswith(" _fail")
    assert "May" not in str(told)
    assert "4111" not in str(told)
    assert "may@" not in str(told)


def test_a_chain_of_exceptions_that_bites_its_tail() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert str(redact.error(first)).count("ValueError") == 4


@given(
    st.from_regex(r"[a-z0-9.+]{1,12}@[a-z0-9-]{1,12}\.(com|hk|co\.uk)", fullmatch=True),
    st.sampled_from(["", " ", "<", "'", "to="]),
)
def test_no_address_comes_through(address: str, before: str) -> None:
    assert address not in redact.text(f"{before}{address}")


@given(st.from_regex(r"[0-9]{9,19}", fullmatch=True), st.sampled_from(["", " ", "no. ", "(", "="]))
def test_no_long_number_comes_through(number: str, before: str) -> None:
    assert number not in redact.text(f"{before}{number}")
