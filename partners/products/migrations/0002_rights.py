"""Rights, the two flows, owners that agree along every foreign key, and rules that stay once they were submitted."""

from django.db import migrations

from hub.db.operations import tenant_table
from hub.flow import enforce
from partners.products.flows import POLICY, PRODUCT


def owned(child: str, column: str, parent: str) -> migrations.RunSQL:
    """A row and the one that it points at are of the same institution: foreign keys alone see past the tenants."""
    name = f"{child}_owner"
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


FROZEN = migrations.RunSQL(
    """
    CREATE FUNCTION products_creditpolicy_frozen() RETURNS trigger LANGUAGE plpgsql AS $frozen$
    BEGIN
      IF OLD.state <> 'draft' AND (NEW.rules, NEW.product_id, NEW.version) IS DISTINCT FROM
        (OLD.rules, OLD.product_id, OLD.version) THEN
        RAISE EXCEPTION 'the rules of a % credit policy stay as they are', OLD.state
          USING ERRCODE = 'check_violation', CONSTRAINT = 'products_creditpolicy_frozen';
      END IF;
      RETURN NEW;
    END $frozen$;
    CREATE TRIGGER products_creditpolicy_frozen BEFORE UPDATE ON products_creditpolicy
      FOR EACH ROW EXECUTE FUNCTION products_creditpolicy_frozen();
    """,
    "DROP TRIGGER products_creditpolicy_frozen ON products_creditpolicy; DROP FUNCTION products_creditpolicy_frozen();",
)
CHANGED = "SELECT, INSERT, UPDATE"
ADDED = "SELECT, INSERT"


class Migration(migrations.Migration):
    dependencies = [("products", "0001_initial"), ("hub", "0002_rights")]
    operations = [
        tenant_table("products_product", tenant=CHANGED, platform=CHANGED),
        tenant_table("products_creditpolicy", tenant=CHANGED, platform=CHANGED),
        tenant_table("products_budget", tenant=CHANGED, platform=CHANGED),
        tenant_table("products_budgetentry", tenant=ADDED, platform=ADDED),
        enforce("products_product", "state", PRODUCT),
        enforce("products_creditpolicy", "state", POLICY),
        owner_key("products_product"),
        owner_key("products_budget"),
        owned("products_creditpolicy", "product_id", "products_product"),
        owned("products_budget", "product_id", "products_product"),
        owned("products_budgetentry", "budget_id", "products_budget"),
        FROZEN,
    ]
