"""Rights, flows, and the claims that the database itself takes and drops.

A lender meets a case only while it is his (`lender_id`), and then only its state. The claims belong to the platform:
they are written by triggers with the owner's rights, so that no way of writing, a lender's included, goes past them.
"""

from django.db import migrations
from django.db.migrations.operations import RunSQL

from hub.db.operations import platform_table, tenant_table
from hub.flow import enforce
from partners.referrals.flows import CASE, CONTRACT, OFFER, REFERRAL

_FUNCTION = "CREATE OR REPLACE FUNCTION {} RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp"

OPEN_APPLICATIONS = RunSQL(
    f"""
    {_FUNCTION.format("referrals_claim_open_application()")} AS $claim$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        INSERT INTO referrals_openapplicationclaim (case_id, person_id, product_class)
        VALUES (NEW.id, NEW.person_id, NEW.product_class);
      ELSIF NEW.state IN ('funded', 'closed') THEN
        DELETE FROM referrals_openapplicationclaim WHERE case_id = NEW.id;
      END IF;
      RETURN NULL;
    END $claim$;
    CREATE TRIGGER referrals_claim_open_application AFTER INSERT OR UPDATE OF state ON referrals_case
    FOR EACH ROW EXECUTE FUNCTION referrals_claim_open_application();
    """,
    "DROP TRIGGER referrals_claim_open_application ON referrals_case;"
    "DROP FUNCTION referrals_claim_open_application();",
)
FUNDED_APPLICATIONS = RunSQL(
    f"""
    {_FUNCTION.format("referrals_claim_funded_application()")} AS $claim$
    BEGIN
      IF NEW.state = 'funded' AND OLD.state <> 'funded' THEN
        INSERT INTO referrals_fundedclaim (application_id, referral_id, institution_id, at)
        VALUES (NEW.case_id, NEW.id, NEW.institution_id, NEW.funded_at);
      END IF;
      RETURN NULL;
    END $claim$;
    CREATE TRIGGER referrals_claim_funded_application AFTER UPDATE OF state ON referrals_referral
    FOR EACH ROW EXECUTE FUNCTION referrals_claim_funded_application();
    """,
    "DROP TRIGGER referrals_claim_funded_application ON referrals_referral;"
    "DROP FUNCTION referrals_claim_funded_application();",
)



def owned(child: str) -> RunSQL:
    """A row and the referral it points at are of the same institution: foreign keys alone see past the tenants."""
    name = f"{child}_owner"
    return RunSQL(
        f"ALTER TABLE {child} ADD CONSTRAINT {name} FOREIGN KEY (referral_id, institution_id) "
        "REFERENCES referrals_referral (id, institution_id)",
        f"ALTER TABLE {child} DROP CONSTRAINT {name}",
    )


OWNER_KEY = RunSQL(
    "ALTER TABLE referrals_referral ADD CONSTRAINT referrals_referral_with_owner UNIQUE (id, institution_id)",
    "ALTER TABLE referrals_referral DROP CONSTRAINT referrals_referral_with_owner",
)


class Migration(migrations.Migration):
    dependencies = [("referrals", "0001_initial"), ("hub", "0002_rights")]
    operations = [
        tenant_table(
            "referrals_case", tenant="SELECT (id, lender_id, state), UPDATE (state)",
            platform="SELECT, INSERT, UPDATE (state, lender_id)", column="lender_id",
        ),
        platform_table("referrals_openapplicationclaim", rights="SELECT"),
        platform_table("referrals_fundedclaim", rights="SELECT"),
        platform_table("referrals_catalogue", rights="SELECT, INSERT"),
        platform_table("referrals_routingrun", rights="SELECT, INSERT"),
        tenant_table("referrals_offer", tenant="", platform="SELECT, INSERT, UPDATE (state)"),
        tenant_table(
            "referrals_referral", tenant="SELECT, UPDATE (state, funded_at)", platform="SELECT, INSERT, UPDATE (state)"
        ),
        tenant_table("referrals_lenderdecision", tenant="SELECT, INSERT", platform="SELECT"),
        tenant_table(
            "referrals_contract", tenant="SELECT, INSERT",
            platform="SELECT, INSERT, UPDATE (state, shown_at, signed_at, method, sealed_name)",
        ),
        enforce("referrals_case", "state", CASE),
        enforce("referrals_offer", "state", OFFER),
        enforce("referrals_referral", "state", REFERRAL),
        enforce("referrals_contract", "state", CONTRACT),
        OWNER_KEY,
        owned("referrals_lenderdecision"),
        owned("referrals_contract"),
        OPEN_APPLICATIONS,
        FUNDED_APPLICATIONS,
    ]
