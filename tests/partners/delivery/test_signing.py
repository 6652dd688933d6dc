"""Standard Webhooks 1.0: the golden cases, and what they leave out."""

import base64
import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from partners.delivery import signing
from partners.delivery.signing import SignatureRefused, sign, verify

CASES = Path(os.environ.get("API_CASES", Path(__file__).parents[3] / "../shared/data/api")) / "standard_webhooks.json"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()  # pragma: allowlist secret
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def cases(name: str) -> list[dict[str, Any]]:
    if not CASES.exists():
        pytest.skip(f"{CASES} is not there: set API_CASES to the folder that has standard_webhooks.json")
    found: list[dict[str, Any]] = json.loads(CASES.read_text())[name]
    return found


def moment(unix_s: int) -> datetime:
    return datetime.fromtimestamp(unix_s, UTC)


def test_golden_signatures() -> None:
    for case in cases("sign"):
        made = sign(
            secret=case["secret"], message_id=case["webhook_id"], at=moment(case["webhook_timestamp"]),
            body=case["body"].encode(),
        )  # fmt: skip
        assert made == case["expected_signature"], case["id"]


def verifies(case: dict[str, Any]) -> bool:
    try:
        verify(
            secrets=[case["secret"]], headers=case["headers"], body=case["body"].encode(), now=moment(case["now"]),
            tolerance_s=case["tolerance_seconds"],
        )  # fmt: skip
    except SignatureRefused:
        return False
    return True


def test_golden_verifications() -> None:
    found = cases("verify")
    assert {case["id"]: verifies(case) for case in found} == {case["id"]: case["valid"] for case in found}


def test_secrets_are_unique_and_long_enough() -> None:
    made = {signing.new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "whsec_!", "whsec_" + "A" * 88, "whsec_ü"])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match="webhook secret"):
        sign(secret=secret, message_id="m", at=AT, body=b"")


def test_one_instant_in_any_zone_has_one_signature() -> None:
    zones = [UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-9, minutes=-30))]
    made = {sign(secret=SECRET, message_id="m", at=AT.astimezone(zone), body=b"x") for zone in zones}
    assert len(made) == 1
    with pytest.raises(ValueError, match="time zone"):
        sign(secret=SECRET, message_id="m", at=AT.replace(tzinfo=None), body=b"x")


def test_during_a_rotation_either_secret_verifies() -> None:
    other = signing.new_secret()
    headers = signing.headers(secrets=[other, SECRET], message_id="m1", at=AT, body=b"x")
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (SECRET, other):
        assert verify(secrets=[secret], headers=headers, body=b"x", now=AT) == "m1"
    with pytest.raises(SignatureRefused):
        verify(secrets=[signing.new_secret()], headers=headers, body=b"x", now=AT)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "m2"}, {"webhook-id": ""}, {"webhook-timestamp": "x"}, {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "1" * 400}, {"webhook-timestamp": "١"}, {"webhook-signature": ""},
        {"webhook-signature": "v1"}, {"webhook-signature": "v1,"}, {"webhook-signature": "ü"},
    ],
    ids=str,
)  # fmt: skip
def test_a_changed_header_is_refused(change: dict[str, str]) -> None:
    headers = signing.headers(secrets=[SECRET], message_id="m1", at=AT, body=b"x")
    with pytest.raises(SignatureRefused):
        verify(secrets=[SECRET], headers={**headers, **change}, body=b"x", now=AT)


@pytest.mark.fault("F19")
@pytest.mark.parametrize(("seconds", "good"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_the_clock_may_be_five_minutes_off(seconds: int, good: bool) -> None:
    headers = signing.headers(secrets=[SECRET], message_id="m1", at=AT, body=b"x")
    given = {"secrets": [SECRET], "headers": headers, "body": b"x", "now": AT + timedelta(seconds=seconds)}
    if good:
        assert verify(**given) == "m1"  # type: ignore[arg-type]  # of several types
    else:
        with pytest.raises(SignatureRefused):
            verify(**given)  # type: ignore[arg-type]  # as above
