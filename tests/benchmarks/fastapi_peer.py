"""The peer of `tests.benchmarks.endpoint`: a bare FastAPI service as one would write it in an afternoon.

The challenger by scikit-learn, no reasons, no rights, no idempotency, no audit; one insert of the same decision row.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg_pool
from fastapi import FastAPI
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


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Fit the model and open the pool."""
    book = np.load(os.environ["PEER_BOOK"])
    # The challenger that `evaluate_book` would choose for this book, on the raw columns: no detour by our own grid.
    learner = HistGradientBoostingClassifier(**json.loads(os.environ["PEER_SETTINGS"]))
    MODEL["learner"] = learner.fit(book["rows"], book["labels"])
    MODEL["names"] = [str(name) for name in book["names"]]
    async with psycopg_pool.AsyncConnectionPool(os.environ["PEER_DSN"], min_size=8, max_size=8) as pool:
        MODEL["pool"] = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/scores", status_code=201)
async def score(body: Body) -> dict[str, Any]:
    """Score and insert."""
    row = np.array([[body.features.get(name, np.nan) for name in MODEL["names"]]])
    pd = float(MODEL["learner"].predict_proba(row)[0, 1])
    grade, action = ("A", "approve") if pd < 0.1 else ("D", "review")
    decision_id = uuid4()
    async with MODEL["pool"].connection() as connection:
        sealed = body.model_dump_json().encode()
        values = [decision_id, uuid4(), uuid4(), uuid4(), uuid4(), "0" * 64, sealed, int(pd * 1e6), pd, grade, action]
        await connection.execute(INSERT, values, prepare=True)
    return {"id": str(decision_id), "pd_12m": f"{pd:.6f}", "grade": grade, "recommended_action": action}
