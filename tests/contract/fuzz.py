"""`make soak-fuzz`: requests that nobody thought of, for FUZZ_S seconds (ten minutes unless told), then a figure each.

Half of the time is hypothesis', in this process: it damages requests that are taken, of the API and of the borrower's
pages, and each is undone. Half is schemathesis', against a real web process: chains of calls over the description.
"""

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.contract.bad_page_worlds import BorrowerWorld
from tests.contract.bad_rows import Good, Row, send
from tests.contract.bad_worlds import ApiWorld
from tests.contract.test_bad_inputs import TABLE, undone
from tests.contract.test_openapi import operations
from tests.contract.test_schemathesis import DESCRIPTION, make_own_champion, token_of, values_of, write_settings
from tests.factories import make_client_and_secret
from tests.stack import ROOT, Stack

FUZZ_S = int(os.environ.get("FUZZ_S", "600"))
SEED = int(os.environ.get("FUZZ_SEED", "20261123"))
ROUND = 100
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,ignored_auth"
)
_TEXTS = st.text(st.characters(), max_size=40) | st.sampled_from(
    [
        "\0",
        "\u202e",
        "=1+1",
        "NaN",
        "1e999",
        "-0",
        "0" * 300,
        "9999-12-31",
        "2026-02-30T00:00:00Z",
        "\ud800",
        "<b>",
        "%",
    ]
)
_PLAIN = st.none() | st.booleans() | st.integers() | st.integers(2**62, 2**80) | st.floats() | _TEXTS
_WRITABLE = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(["\0", "\u202e", "1e999", "-0", "%00"])
VALUES = st.recursive(_PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4))
FORM_VALUES = st.lists(_WRITABLE, max_size=2) | _WRITABLE | st.binary(max_size=30)
HEADERS = st.dictionaries(
    st.sampled_from(["Idempotency-Key", "If-Match", "Accept", "Content-Encoding", "Authorization", "Accept-Language"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60), max_size=1,
)  # fmt: skip
pytestmark = pytest.mark.timeout(FUZZ_S * 3 + 600)


def pointers(body: Any, at: str = "") -> Iterator[str]:
    """Yield the pointer of each value of a body."""
    yield at
    if isinstance(body, dict | list):
        for key, inner in body.items() if isinstance(body, dict) else enumerate(body):
            yield from pointers(inner, f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}")


@st.composite
def damaged(draw: st.DrawFn, goods: dict[str, Good]) -> Row:
    """Draw a request that is taken, with something else in one or two places, or other bytes altogether."""
    ask = draw(st.sampled_from(sorted(goods)))
    good = goods[ask]
    if good.form in ("", "json") and draw(st.integers(0, 9)) == 0:
        return Row(case="", ask=ask, gives="", body=draw(st.binary(max_size=200)), headers=dict(draw(HEADERS)))
    places = list(pointers(good.body)) if good.form == "json" else [f"/{name}" for name in good.body or ()]
    values = VALUES if good.form == "json" else FORM_VALUES
    change = {at: draw(values) for at in ([draw(st.sampled_from(places))] if places else [])}
    query = draw(st.sampled_from(["", "limit=", "after=", "state="]))
    query += draw(st.text("0123456789abcdef%+&=-", max_size=12)) if query else ""
    return Row(case="", ask=ask, gives="", change=change, headers=dict(draw(HEADERS)), query=query)


def fuzz(world: Any, asks: list[str], seconds: float) -> Counter[int]:
    """Damage requests for so long; return how often each status answered. A 5xx or a wrong type is a failure."""
    goods = {ask: world.good(ask) for ask in asks}
    clients = {ask: world.client(Row(case="", ask=ask, gives="")) for ask in asks}
    found: Counter[int] = Counter()
    until, number = time.monotonic() + seconds, SEED
    while time.monotonic() < until:

        @seed(number)
        @settings(max_examples=ROUND, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(row=damaged(goods))
        def once(row: Row) -> None:
            with undone(clients[row.ask]):
                answer = send(clients[row.ask], row, goods[row.ask])
            assert answer.status_code < 500, (row, answer.content)
            if answer.status_code >= 400:
                expected = "application/problem+json" if "/api/" in row.ask else "text/html; charset=utf-8"
                assert answer["Content-Type"] == expected, row
            found[answer.status_code] += 1

        once()
        number += 1
    return found


def show(what: str, found: Counter[int], seconds: float) -> None:
    """Print the figure."""
    told = ", ".join(f"{count:,} × {status}" for status, count in sorted(found.items()))
    print(f"\n{what}: {found.total():,} requests in {seconds:.0f} s, no 5xx ({told})")


@pytest.mark.django_db
def test_the_api() -> None:
    found = fuzz(ApiWorld(), [f"{method.upper()} {path}" for method, path, _ in operations()], FUZZ_S / 4)
    assert found.total() >= ROUND
    show("hypothesis over the API", found, FUZZ_S / 4)


@pytest.mark.django_db
def test_the_borrowers_pages() -> None:
    asks = list(dict.fromkeys(row.ask for row in TABLE.borrower))
    found = fuzz(BorrowerWorld(), asks, FUZZ_S / 4)
    assert found.total() >= ROUND
    show("hypothesis over the borrower's pages", found, FUZZ_S / 4)


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path)
    yield made
    made.close()


def test_chains_of_calls(stack: Stack, tmp_path: Path) -> None:
    (owner, secret), (peer, other_secret) = make_client_and_secret(), make_client_and_secret()
    values = values_of(owner)
    make_own_champion(owner)
    address = stack.web()
    tokens = {"owner": token_of(stack, address, owner, secret), "peer": token_of(stack, address, peer, other_secret)}
    path = write_settings(tmp_path, tokens, values)
    tool = [Path(sys.executable).with_name("schemathesis"), "--no-color", "--config-file", path, "fuzz", DESCRIPTION]
    given_ = ["--url", address, "--checks", CHECKS, "--max-time", str(FUZZ_S // 2), "--seed", str(SEED)]
    ran = subprocess.run(
        [*map(str, tool), *given_], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-50_000:] + ran.stderr[-5_000:]
    figures = [
        line.strip() for line in ran.stdout.splitlines() if re.search(r"\d+ (scenario|test case|call|step)", line)
    ]
    print("\nschemathesis over the description:", "; ".join(figures) or ran.stdout[-400:])
