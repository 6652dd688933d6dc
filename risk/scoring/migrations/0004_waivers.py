"""An approver may set promotion criteria aside, in writing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scoring", "0003_platform_decisions")]
    operations = [
        migrations.AddField(
            "approval",
            "waiver",
            models.CharField(max_length=500, blank=True, default="", db_default="", editable=False),
        ),
    ]
