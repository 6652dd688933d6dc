"""A client's secret before the present one, good for a while."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("institutions", "0004_bound_tokens_and_limits")]
    operations = [
        migrations.AddField(
            "client", "previous_secret",
            models.CharField(max_length=255, blank=True, default="", db_default="", editable=False),
        ),
        migrations.AddField(
            "client", "previous_secret_until", models.DateTimeField(null=True, blank=True, editable=False)
        ),
    ]  # fmt: skip
