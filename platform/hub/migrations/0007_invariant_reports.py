"""What the last check of the invariants found."""

from django.db import migrations, models

from hub.db.operations import platform_table


class Migration(migrations.Migration):
    dependencies = [("hub", "0006_audit_seals")]
    operations = [
        migrations.CreateModel(
            name="InvariantReport",
            fields=[
                ("number", models.PositiveSmallIntegerField(editable=False, primary_key=True, serialize=False)),
                ("code", models.CharField(editable=False, max_length=4)),
                ("says", models.CharField(editable=False, max_length=200)),
                ("looked_at", models.BigIntegerField(editable=False)),
                ("wrong", models.BigIntegerField(editable=False)),
                ("examples", models.JSONField(default=list, editable=False)),
                ("checked_at", models.DateTimeField(editable=False)),
            ],
            options={"ordering": ["number"]},
        ),
        platform_table("hub_invariantreport", rights="SELECT, INSERT, DELETE"),
    ]
