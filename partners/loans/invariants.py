"""What must always hold of loans."""

from hub.invariants import by_rows

CHECKS = [
    by_rows(
        "I2",
        "an application has at most one loan, and each loan its funded referral",
        """
        SELECT l.id::text, count(*) OVER (PARTITION BY l.case_id) > 1 OR r.state IS DISTINCT FROM 'funded'
          OR r.case_id <> l.case_id OR r.institution_id <> l.institution_id
        FROM loans_loan l LEFT JOIN referrals_referral r ON r.id = l.referral_id""",
    ),
    by_rows(
        "I2",
        "each funded referral has its loan",
        """
        SELECT r.id::text, l.id IS NULL FROM referrals_referral r
        LEFT JOIN loans_loan l ON l.referral_id = r.id WHERE r.state = 'funded'""",
    ),
    by_rows(
        "I3",
        "each loan was told of",
        """
        SELECT l.id::text, e.id IS NULL FROM loans_loan l
        LEFT JOIN hub_outboxevent e ON e.subject_id = l.id AND e.type = 'loan.funded'""",
    ),
]
