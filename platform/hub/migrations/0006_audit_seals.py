"""Seals over the audit rows. The sealer may write one column of a row, and nobody anything else of it."""

from django.db import migrations, models

from hub.db.operations import platform_table


class Migration(migrations.Migration):
    dependencies = [("hub", "0005_sandbox_clock")]
    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("number", models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ("sealed_at", models.DateTimeField(editable=False)),
                ("leaves", models.BinaryField()),
                ("previous", models.BinaryField()),
                ("hash", models.BinaryField()),
            ],
            options={"ordering": ["-number"]},
        ),
        migrations.AddField("auditrow", "seal_number", models.BigIntegerField(editable=False, null=True)),
        migrations.AddIndex(
            "auditrow",
            models.Index(
                condition=models.Q(("seal_number", None)), fields=["id"], name="hub_auditrow_unsealed"
            ),
        ),
        migrations.AddIndex(
            "auditrow",
            models.Index(
                condition=models.Q(("seal_number__gt", 0)), fields=["seal_number"], name="hub_auditrow_seal"
            ),
        ),
        platform_table("hub_auditseal", rights="SELECT, INSERT"),
        migrations.RunSQL(
            "GRANT UPDATE (seal_number) ON hub_auditrow TO luopan_platform",
            "REVOKE UPDATE (seal_number) ON hub_auditrow FROM luopan_platform",
        ),
    ]
