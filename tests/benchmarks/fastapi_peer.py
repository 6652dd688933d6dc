"""The peers of `tests.benchmarks.endpoint`: bare FastAPI services, without reasons, rights, idempotency or audit.

`app` is as one would write it in an afternoon: the challenger by scikit-learn, and one insert of the same decision row.
`fast` is the fastest that one could write: LightGBM of the same size, and nothing validated beyond its types.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import lightgbm
import msgspec
import numpy as np
import psycopg_pool
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from sklearn.ensemble import HistGradientBoostingClassifier

INSERT = """INSERT INTO peer_decision (id, institution_id, person_id, consent_id, version_id, sha256, slope_micro,
intercept_micro, bands_version, sealed, logit_micro, pd_12m, grade, action, created_at)
VALUES (%s, %s, %s, %s, %s, %s, 1000000, 0, '2026-11', %s, %s, %s, %s, %s, now())"""
MODEL: dict[str, Any] = {}


class Consent(BaseModel):
    """As ours."""

    reference: str
    text_version: str
    given_at: str


class Body(BaseModel):
    """As ours."""

    model_line: str
    person_reference: str
    consent: Consent
    features: dict[str, float]


class FastConsent(msgspec.Struct):
    """As ours."""

    reference: str
    text_version: str
    given_at: str


class FastBody(msgspec.Struct):
    """As ours."""

    model_line: str
    person_reference: str
    consent: FastConsent
    features: dict[str, float]


def fit_sklearn(book: Any) -> Any:
    """The challenger that `evaluate_book` would choose for this book, on the raw columns: no detour by our own grid."""
    learner = HistGradientBoostingClassifier(**json.loads(os.environ["PEER_SETTINGS"]))
    return learner.fit(book["rows"], book["labels"])


def fit_lightgbm(book: Any) -> Any:
    """The same settings for LightGBM."""
    chosen = json.loads(os.environ["PEER_SETTINGS"])
    settings = {
        "objective": "binary", "learning_rate": chosen["learning_rate"], "num_leaves": chosen["max_leaf_nodes"],
        "num_threads": 1, "verbose": -1,
    }  # fmt: skip
    return lightgbm.train(settings, lightgbm.Dataset(book["rows"], book["labels"]), num_boost_round=chosen["max_iter"])


@asynccontextmanager
async def lifespan(served: FastAPI) -> AsyncIterator[None]:
    """Fit the model and open the pool."""
    book = np.load(os.environ["PEER_BOOK"])
    MODEL["learner"] = (fit_lightgbm if served is fast else fit_sklearn)(book)
    MODEL["names"] = [str(name) for name in book["names"]]
    async with psycopg_pool.AsyncConnectionPool(os.environ["PEER_DSN"], min_size=8, max_size=8) as pool:
        MODEL["pool"] = pool
        yield


app = FastAPI(lifespan=lifespan)
fast = FastAPI(lifespan=lifespan)
READ = msgspec.json.Decoder(FastBody).decode
WRITE = msgspec.json.Encoder().encode


@app.post("/scores", status_code=201)
async def score(body: Body) -> dict[str, Any]:
    """Score and insert."""
    row = np.array([[body.features.get(name, np.nan) for name in MODEL["names"]]])
    return await keep(float(MODEL["learner"].predict_proba(row)[0, 1]), body.model_dump_json().encode())


@fast.post("/scores")
async def score_fast(request: Request) -> Response:
    """Score and insert."""
    text = await request.body()
    find = READ(text).features.get
    row = np.array([[find(name, np.nan) for name in MODEL["names"]]])
    answer = await keep(float(MODEL["learner"].predict(row, num_threads=1)[0]), text)
    return Response(WRITE(answer), status_code=201, media_type="application/json")


async def keep(pd: float, sealed: bytes) -> dict[str, Any]:
    """Insert the decision; return the answer."""
    grade, action = ("A", "approve") if pd < 0.1 else ("D", "review")
    decision_id = uuid4()
    async with MODEL["pool"].connection() as connection:
        values = [decision_id, uuid4(), uuid4(), uuid4(), uuid4(), "0" * 64, sealed, int(pd * 1e6), pd, grade, action]
        await connection.execute(INSERT, values, prepare=True)
    return {"id": str(decision_id), "pd_12m": f"{pd:.6f}", "grade": grade, "recommended_action": action}
