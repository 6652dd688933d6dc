"""An institution sees its own record; clients stay with the platform."""

from django.db import migrations

from hub.db.operations import platform_table, tenant_table


class Migration(migrations.Migration):
    dependencies = [("institutions", "0001_initial"), ("hub", "0002_rights")]
    operations = [
        tenant_table("institutions_institution", tenant="SELECT", platform="SELECT, INSERT, UPDATE", column="id"),
        platform_table("institutions_client", rights="SELECT, INSERT, UPDATE"),
    ]
