"""The DPoP proofs that were used: each request of a live client notes its own."""

from django.db import migrations, models

from hub.db.operations import tenant_table


class Migration(migrations.Migration):
    dependencies = [("hub", "0007_invariant_reports")]
    operations = [
        migrations.CreateModel(
            name="UsedProof",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("institution_id", models.UUIDField(editable=False)),
                ("digest", models.BinaryField()),
                ("expires_at", models.DateTimeField(editable=False)),
            ],
            options={
                "indexes": [models.Index(fields=["expires_at"], name="hub_usedproof_age")],
                "constraints": [
                    models.UniqueConstraint(fields=["institution_id", "digest"], name="hub_usedproof_once")
                ],
            },
        ),
        tenant_table("hub_usedproof", tenant="INSERT", platform="SELECT, INSERT, DELETE"),
    ]
