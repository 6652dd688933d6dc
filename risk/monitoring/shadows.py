"""What a challenger said beside the champion: how far the two agree, and which one was right."""

from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from risk.learning import facade as learning
from risk.monitoring.maths.agreement import rank_correlation
from risk.scoring import facade as scoring

PAIRS_MAX = 20_000
OUTCOMES_MAX = 100_000
PAIRS_LEAST = 30
CLASS_LEAST = 2
BINS = 10


def agreement(*, version_id: UUID, line_id: UUID, now: datetime) -> dict[str, Any]:
    """Return for a page how champion and shadow agree on the newest decisions, and both AUCs where outcomes came."""
    pairs = scoring.shadow_pairs(version_id=version_id, limit=PAIRS_MAX)
    told: dict[str, Any] = {"count": len(pairs)}
    if len(pairs) < PAIRS_LEAST:
        return told
    pd, shadow = np.array([one.pd for one in pairs]), np.array([one.shadow_pd for one in pairs])
    edges = np.unique(np.quantile(pd, np.linspace(0, 1, BINS + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(edges, one, side="right"), minlength=len(edges) + 1) for one in (pd, shadow)]
    told |= {
        "correlation": rank_correlation(pd, shadow),
        "psi": learning.psi(*counts),
        "changed_percent": 100 * sum(one.grade_changed for one in pairs) / len(pairs),
        "mean_pd": 100 * float(pd.mean()),
        "mean_shadow": 100 * float(shadow.mean()),
    }
    outcomes = learning.line_outcomes(line_id=line_id, until=now, limit=OUTCOMES_MAX)
    bad = {one.decision_id: one.is_bad for one in outcomes}
    known = [one for one in pairs if one.decision_id in bad]
    labels = [bad[one.decision_id] for one in known]
    if min(sum(labels), len(labels) - sum(labels)) >= CLASS_LEAST:
        told |= {
            "outcomes": len(known),
            "auc": learning.ranking_power(labels, [one.pd for one in known])[0],
            "auc_shadow": learning.ranking_power(labels, [one.shadow_pd for one in known])[0],
        }
    return told
