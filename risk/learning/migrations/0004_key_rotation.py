"""A new index key takes over; nothing else of a label ever changes."""

from django.db import migrations
from django.db.migrations.operations import RunSQL


class Migration(migrations.Migration):
    dependencies = [("learning", "0003_outcomes")]
    operations = [
        RunSQL("GRANT UPDATE (reference_index) ON learning_labelentry TO luopan_platform", "REVOKE UPDATE (reference_index) ON learning_labelentry FROM luopan_platform"),
    ]
