"""A new key takes over from an old one: the platform may write these columns, and no other of their rows."""

from django.db import migrations
from django.db.migrations.operations import RunSQL


class Migration(migrations.Migration):
    dependencies = [("hub", "0008_used_proofs")]
    operations = [
        RunSQL("GRANT UPDATE (body) ON hub_idempotencykey TO luopan_platform", "REVOKE UPDATE (body) ON hub_idempotencykey FROM luopan_platform"),
        RunSQL("GRANT UPDATE (reference_index) ON hub_consententry TO luopan_platform", "REVOKE UPDATE (reference_index) ON hub_consententry FROM luopan_platform"),
    ]
