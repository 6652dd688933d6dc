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
        SELECT d.id::text, e.id IS NULL AND l.decision_id IS NULL FROM scoring_decision d
        LEFT JOIN hub_outboxevent e ON e.subject_id = d.id AND e.type = 'decision.scored'
        LEFT JOIN scoring_batchline l ON l.decision_id = d.id""",
    ),
    by_rows(
        "I3",
        "each inquiry at a data source was told of as it began, and as it was settled",
        """
        SELECT i.id::text, b.id IS NULL OR (s.id IS NULL) <> (i.settled_at IS NULL) FROM scoring_inquiry i
        LEFT JOIN hub_outboxevent b ON b.subject_id = i.id AND b.type = 'inquiry.begun'
        LEFT JOIN hub_outboxevent s ON s.subject_id = i.id AND s.type = 'inquiry.settled'""",
    ),
    by_rows(
        "I3",
        "each line of a file of people has one result, and was told of with its part of the file",
        """
        SELECT b.id::text, (b.scored, b.problems) IS DISTINCT FROM (l.scored, l.problems)
          OR (b.scored, b.problems) IS DISTINCT FROM (e.scored, e.problems)
        FROM scoring_scorebatch b
        CROSS JOIN LATERAL (
          SELECT count(decision_id), count(*) - count(decision_id) FROM scoring_batchline WHERE batch_id = b.id
        ) l (scored, problems)
        CROSS JOIN LATERAL (
          SELECT coalesce(sum((payload ->> 'scored')::bigint), 0), coalesce(sum((payload ->> 'problems')::bigint), 0)
          FROM hub_outboxevent WHERE subject_id = b.id AND institution_id = b.institution_id
            AND type = 'score_batch.advanced'
        ) e (scored, problems)""",
    ),
    by_rows(
        "I6",
        "no decision stands for two lines of files",
        """
        SELECT decision_id::text, count(*) > 1 FROM scoring_batchline WHERE decision_id IS NOT NULL
        GROUP BY decision_id""",
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
