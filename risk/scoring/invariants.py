"""What must always hold of decisions."""

from hub.invariants import NAMED, Check, Found, by_rows
from risk.scoring import queries, services

REPLAYED = 300  # of the newest decisions


def _replayed() -> Found:
    rows = queries.newest_decisions(limit=REPLAYED)
    wrong = [str(row.id) for row in rows if services.replay(decision=row).result == "different"]
    return Found(len(rows), len(wrong), tuple(wrong[:NAMED]))


CHECKS = [
    by_rows(
        "I3",
        "each decision was told of",
        """
        SELECT d.id::text, e.id IS NULL FROM scoring_decision d
        LEFT JOIN hub_outboxevent e ON e.subject_id = d.id AND e.type = 'decision.scored'""",
    ),
    Check("I6", f"the newest {REPLAYED} decisions replay to the same bits", _replayed),
    by_rows(
        "I6",
        "a decision names the bytes of the version that made it",
        """
        SELECT d.id::text, d.sha256 <> v.sha256 FROM scoring_decision d
        JOIN scoring_modelversion v ON v.id = d.version_id""",
    ),
]
