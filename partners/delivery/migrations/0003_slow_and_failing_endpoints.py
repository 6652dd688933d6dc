"""What is known of receivers: since when they take nothing, and which are slow."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0002_rights")]
    operations = [
        migrations.AddField("webhookendpoint", "failing_since", models.DateTimeField(editable=False, null=True)),
        migrations.AddField(
            "webhookendpoint", "slow", models.BooleanField(db_default=False, default=False, editable=False)
        ),
        migrations.AddIndex(
            "delivery",
            models.Index(
                condition=models.Q(("lease_token__isnull", False)), fields=["endpoint"],
                name="delivery_delivery_leased",
            ),
        ),
    ]
