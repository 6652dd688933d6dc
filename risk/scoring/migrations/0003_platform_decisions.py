"""The platform decides on borrowers of its own: records of no institution, which no institution sees."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scoring", "0002_rights"), ("hub", "0004_platform_consents")]
    operations = [
        migrations.AlterField(
            model_name="decision", name="institution_id", field=models.UUIDField(editable=False, null=True)
        ),
        migrations.RunSQL(
            "GRANT INSERT ON scoring_decision TO luopan_platform",
            "REVOKE INSERT ON scoring_decision FROM luopan_platform",
        ),
    ]
