"""Rights, flows, and owners that agree along every foreign key."""

from django.db import migrations

from hub.db.operations import tenant_table
from hub.flow import enforce
from partners.loans.flows import BATCH, LOAN


def owned(child: str, column: str, parent: str) -> migrations.RunSQL:
    """A row and the one that it points at are of the same institution: foreign keys alone see past the tenants."""
    name = f"{child}_{column}_owner"
    return migrations.RunSQL(
        f"ALTER TABLE {child} ADD CONSTRAINT {name} FOREIGN KEY ({column}, institution_id) "
        f"REFERENCES {parent} (id, institution_id)",
        f"ALTER TABLE {child} DROP CONSTRAINT {name}",
    )


def owner_key(table: str) -> migrations.RunSQL:
    """The key that such a reference needs."""
    name = f"{table}_with_owner"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE (id, institution_id)",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


COUNTED = "position, recorded, unchanged, problems, state, finished_at, content"


class Migration(migrations.Migration):
    dependencies = [("loans", "0001_initial"), ("referrals", "0002_rights"), ("hub", "0002_rights")]
    operations = [
        tenant_table(
            "loans_loan", tenant="SELECT, INSERT, UPDATE (state, review_on)", platform="SELECT, UPDATE (review_on)"
        ),
        tenant_table("loans_performancereport", tenant="SELECT, INSERT", platform="SELECT"),
        tenant_table("loans_outcome", tenant="SELECT", platform="SELECT, INSERT"),
        tenant_table("loans_performancebatch", tenant=f"SELECT, INSERT, UPDATE ({COUNTED})", platform="SELECT"),
        tenant_table("loans_batchproblem", tenant="SELECT, INSERT", platform="SELECT"),
        enforce("loans_loan", "state", LOAN),
        enforce("loans_performancebatch", "state", BATCH),
        owner_key("loans_loan"),
        owner_key("loans_performancebatch"),
        owned("loans_loan", "referral_id", "referrals_referral"),
        owned("loans_performancereport", "loan_id", "loans_loan"),
        owned("loans_performancereport", "batch_id", "loans_performancebatch"),
        owned("loans_outcome", "loan_id", "loans_loan"),
        owned("loans_batchproblem", "batch_id", "loans_performancebatch"),
    ]
