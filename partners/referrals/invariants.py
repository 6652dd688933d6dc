"""What must always hold of applications and referrals."""

from hub.invariants import by_rows
from partners.referrals.flows import LIVE

_LIVE = ", ".join(f"'{state}'" for state in LIVE)

CHECKS = [
    by_rows(
        "I1",
        "what a referral reserved is held while it lives, used once it is funded, and freed when it ends",
        f"""
        SELECT r.id::text, CASE WHEN r.state IN ({_LIVE}) THEN s.kind IS NOT NULL
          ELSE s.kind IS DISTINCT FROM CASE r.state WHEN 'funded' THEN 'use' ELSE 'release' END END
        FROM referrals_referral r JOIN products_budgetentry e ON e.referral_id = r.id AND e.kind = 'reserve'
        LEFT JOIN products_budgetentry s ON s.referral_id = r.id AND s.kind <> 'reserve'""",  # nosec
    ),
    by_rows(
        "I2",
        "an application has at most one funded referral, and one that lives",
        f"""
        SELECT case_id::text, count(*) FILTER (WHERE state = 'funded') > 1
          OR count(*) FILTER (WHERE state IN ({_LIVE}, 'funded')) > 1
        FROM referrals_referral GROUP BY case_id""",  # nosec
    ),
    by_rows(
        "I2",
        "each funded referral holds its application's claim, and nobody else does",
        """
        SELECT coalesce(r.id, c.referral_id)::text, r.id IS NULL OR c.referral_id IS NULL
        FROM (SELECT id FROM referrals_referral WHERE state = 'funded') r
        FULL JOIN referrals_fundedclaim c ON c.referral_id = r.id""",
    ),
    by_rows(
        "I2",
        "what is funded was signed, on the same terms and before",
        """
        SELECT r.id::text, c.id IS NULL OR c.signed_at > r.funded_at
        FROM referrals_referral r LEFT JOIN referrals_contract c ON c.referral_id = r.id AND c.state = 'signed'
        WHERE r.state = 'funded'""",
    ),
    by_rows(
        "I3",
        "each referral was told of",
        """
        SELECT r.id::text, e.id IS NULL FROM referrals_referral r
        LEFT JOIN hub_outboxevent e ON e.subject_id = r.id AND e.type = 'referral.created'
        AND e.institution_id = r.institution_id""",
    ),
    by_rows(
        "I11",
        "a person has one open application of a product class",
        """
        SELECT person_id || ' ' || product_class, count(*) > 1 FROM referrals_case
        WHERE state NOT IN ('funded', 'closed') GROUP BY person_id, product_class""",
    ),
    by_rows(
        "I11",
        "each open application holds its claim, and no other does",
        """
        SELECT coalesce(o.id, c.case_id)::text, o.id IS NULL OR c.case_id IS NULL
        FROM (SELECT id FROM referrals_case WHERE state NOT IN ('funded', 'closed')) o
        FULL JOIN referrals_openapplicationclaim c ON c.case_id = o.id""",
    ),
]
