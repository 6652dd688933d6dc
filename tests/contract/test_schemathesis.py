"""The committed description against a real web process: schemathesis, every phase and every check."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hub.clock import now
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView
from risk.features.facade import Feature
from risk.learning.fit.frame import Frame
from risk.learning.fit.glassbox import fit_glassbox
from risk.scoring import registry
from risk.scoring.facade import Calibration, manifest_of
from tests.contract.objects import makers_of
from tests.factories import make_client_and_secret
from tests.harness import count
from tests.partners.delivery.world import make_endpoint
from tests.risk.registry_factory import ACTOR, OSCAR, QUICK, RITA, TRAINER, make_line
from tests.stack import ROOT, Stack

DESCRIPTION = ROOT / "deploy" / "openapi.yaml"
SETTINGS = Path(__file__).with_name("schemathesis.toml")
CLOCK = "/api/v1/sandbox/clock"
# The paths whose objects are used under the same name elsewhere too, each in a state in which most can be done.
OBJECTS = (
    "/api/v1/deliveries/{delivery_id}/resend", "/api/v1/jobs/{job_id}", "/api/v1/loan-books/{book_id}",
    "/api/v1/loans/{loan_id}", "/api/v1/models/{model_id}/passport", "/api/v1/performance-reports/{batch_id}",
    "/api/v1/products/{product_id}/budget",
    "/api/v1/products/{product_id}/credit-policy/submit", "/api/v1/products/{product_id}/credit-policy/approve",
    "/api/v1/referrals/{referral_id}", "/api/v1/referrals/{referral_id}", "/api/v1/referrals/{referral_id}/contract",
    "/api/v1/score-batches/{score_batch_id}", "/api/v1/scores/{score_id}", "/api/v1/webhook-endpoints/{endpoint_id}",
)  # fmt: skip


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path)
    yield made
    made.close()


def values_of(client: ClientView) -> dict[str, list[str]]:
    """Make objects of the client's institution; return their ids by the name that paths give them, and more."""
    endpoints = [str(make_endpoint(client.institution_id)) for _ in range(8)]  # they are deleted on the way
    found: dict[str, list[str]] = {"endpoint_id": endpoints}
    for path in OBJECTS:
        name = path.partition("{")[2].partition("}")[0]
        found.setdefault(name, []).extend(str(maker(client.institution_id).id) for maker in makers_of(path))
    (signed,) = makers_of("/api/v1/referrals/{referral_id}/funding")
    made = signed(client.institution_id)
    more = {
        "signed_id": [str(made.id)],
        "terms_hash": [made.body["terms_hash"]],
        "url": ["http://127.0.0.1:9000/hooks"],
        "today": [f"{now():%Y-%m-%d}"],
    }
    return {**found, **more}


def make_own_champion(client: ClientView) -> None:
    """Give the institution a line `consumer` of its own that knows the features of the description's example."""
    features = (
        Feature("monthly_income", "number", "HKD", -1), Feature("card_utilisation", "number", "percent", 1),
        Feature("housing", "category"),
    )  # fmt: skip
    rng = np.random.default_rng(1)
    income, used = rng.gamma(4, 5000, 2000), rng.uniform(0, 100, 2000)
    housing = rng.choice(np.array(["own", "rent", "family"], dtype=object), 2000)
    bad = (rng.uniform(size=2000) < 1 / (1 + np.exp(2 + income / 20000 - used / 40))).astype(np.int8)
    frame = Frame(features, {"monthly_income": income, "card_utilisation": used, "housing": housing})
    data = fit_glassbox(frame, bad, seed=1, recipe=QUICK)
    line = make_line("consumer", client.institution_id)
    with platform_scope():
        version_id = registry.register_version(
            line_id=line.id, run_id=line.id, artefact=data, manifest=dict(manifest_of(data)), calibration=Calibration(),
            report={"auc": 0.7}, trainer_id=TRAINER, actor=ACTOR, now=now(),
        )  # fmt: skip
        for user_id in (RITA, OSCAR):
            registry.approve_version(version_id=version_id, user_id=user_id, now=now())


def token_of(stack: Stack, address: str, client: ClientView, secret: str) -> str:
    form = f"grant_type=client_credentials&client_id={client.client_id}&client_secret={secret}".encode()
    answer = stack.ask("POST", f"{address}/oauth/token/", form, {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200, answer.body
    return str(answer.json()["access_token"])


def write_settings(folder: Path, tokens: dict[str, str], values: dict[str, list[str]]) -> Path:
    """Write the settings of this run: the committed ones, two institutions' tokens, and the first one's objects."""
    users = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
        for name, token in tokens.items()
    ]
    (folder / "users.json").write_text(json.dumps({"auth": users}))
    lines = [SETTINGS.read_text()]
    lines += [f"[dictionaries.{name}]\nvalues = {json.dumps(found)}\n" for name, found in values.items()]
    path = folder / "schemathesis.toml"
    path.write_text("\n".join(lines))
    return path


def run(path: Path, address: str, *more: str) -> None:
    tool: list[Any] = [Path(sys.executable).with_name("schemathesis"), "--config-file", path, "run", DESCRIPTION]
    found = subprocess.run(
        [*tool, "--url", address, "--checks", "all", "--max-examples", str(count(8, soak=400)), *more],
        cwd=path.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-100_000:] + found.stderr[-5_000:]


@pytest.mark.timeout(count(180, soak=3600))
def test_every_check_over_the_whole_description(stack: Stack, tmp_path: Path) -> None:
    (owner, secret), (peer, other_secret) = make_client_and_secret(), make_client_and_secret()
    values = values_of(owner)
    make_own_champion(owner)
    address = stack.web()
    tokens = {
        "owner": token_of(stack, address, owner, secret),
        "peer": token_of(stack, address, peer, other_secret),
    }
    path = write_settings(tmp_path, tokens, values)
    run(path, address, "--exclude-path", CLOCK)  # it lets what is open expire
    run(path, address, "--include-path", CLOCK)
