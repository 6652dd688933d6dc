"""Who may do what: the rights of the two roles, and row-level security."""

from django.db import migrations

from hub.db.operations import default_rights, tenant_table


class Migration(migrations.Migration):
    dependencies = [("hub", "0001_initial")]
    operations = [
        default_rights(),
        tenant_table("hub_auditrow", tenant="INSERT", platform="SELECT, INSERT"),
        tenant_table("hub_outboxevent", tenant="SELECT, INSERT", platform="SELECT, INSERT, UPDATE"),
        tenant_table("hub_consententry", tenant="SELECT, INSERT", platform="SELECT, INSERT"),
        tenant_table("hub_datakey", tenant="SELECT, INSERT, UPDATE", platform="SELECT, INSERT, UPDATE"),
        tenant_table("hub_idempotencykey", tenant="SELECT, INSERT, DELETE", platform="SELECT, DELETE"),
    ]
