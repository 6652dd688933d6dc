"""A new master key takes over what waits to be read."""

from django.db import migrations
from django.db.migrations.operations import RunSQL


class Migration(migrations.Migration):
    dependencies = [("loans", "0002_rights")]
    operations = [
        RunSQL("GRANT UPDATE (content) ON loans_performancebatch TO luopan_platform", "REVOKE UPDATE (content) ON loans_performancebatch FROM luopan_platform"),
    ]
