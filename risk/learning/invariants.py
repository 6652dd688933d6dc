"""What must always hold of labels."""

from hub.invariants import by_rows

CHECKS = [
    by_rows(
        "I10",
        "what a label of a loan was learnt from was known before the loan was opened",
        """
        SELECT o.id::text, d.id IS NULL OR d.created_at::date > o.opened_on + 1
        FROM learning_outcomeentry o LEFT JOIN scoring_decision d ON d.id = o.decision_id""",
    ),
    by_rows(
        "I10",
        "no label of a loan entered before its window had closed",
        """
        SELECT id::text, matures_on > observed_on FROM learning_outcomeentry""",
    ),
]
