"""Only a sandbox has a clock of its own: the clock of a live institution is the system's, whoever writes."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("institutions", "0002_rights"), ("hub", "0005_sandbox_clock")]
    operations = [
        migrations.RunSQL(
            """CREATE POLICY of_a_sandbox ON hub_sandboxclock AS RESTRICTIVE FOR INSERT
            TO luopan_tenant, luopan_platform WITH CHECK (EXISTS (SELECT FROM institutions_institution i
            WHERE i.id = institution_id AND i.live_id IS NOT NULL))""",
            "DROP POLICY of_a_sandbox ON hub_sandboxclock",
        ),
    ]
