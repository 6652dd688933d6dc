"""An institution sees its own record and, without their secrets, its clients."""

from django.db import migrations

from hub.db.operations import platform_table, tenant_table

CLIENT_COLUMNS = "id, client_id, institution_id, name, method, scopes, sandbox, jwks, created, revoked_at"


class Migration(migrations.Migration):
    dependencies = [("institutions", "0001_initial"), ("hub", "0002_rights")]
    operations = [
        tenant_table("institutions_institution", tenant="SELECT", platform="SELECT, INSERT, UPDATE", column="id"),
        tenant_table(
            "institutions_client", tenant=f"SELECT ({CLIENT_COLUMNS})", platform="SELECT, INSERT, UPDATE"
        ),
        platform_table("institutions_usedassertion", rights="SELECT, INSERT, DELETE"),
    ]
