"""Tokens are bound to keys, and clients may have limits of their own."""

import django.db.models.deletion
from django.db import migrations, models

from hub.db.operations import platform_table

_OWN = "Requests; empty: as all others."


class Migration(migrations.Migration):
    dependencies = [("institutions", "0003_clocks_of_sandboxes"), ("oauth2_provider", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="client",
            name="per_minute",
            field=models.PositiveIntegerField(blank=True, null=True, help_text=_OWN),
        ),
        migrations.AddField(
            model_name="client",
            name="per_day",
            field=models.PositiveIntegerField(blank=True, null=True, help_text=_OWN),
        ),
        migrations.CreateModel(
            name="TokenBinding",
            fields=[
                (
                    "token",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="binding",
                        serialize=False, to="oauth2_provider.accesstoken",
                    ),
                ),
                ("thumbprint", models.CharField(editable=False, max_length=43)),
            ],
        ),
        platform_table("institutions_tokenbinding", rights="SELECT, INSERT, DELETE"),
        migrations.RunSQL(
            "GRANT SELECT (per_minute, per_day) ON institutions_client TO luopan_tenant", migrations.RunSQL.noop
        ),
    ]
