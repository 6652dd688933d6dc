"""What institutions read of a version: who approved it by the date, and why criteria were set aside."""

from django.db import migrations

READ = """
GRANT SELECT (id, institution_id, version_id, sha256, waiver, at) ON scoring_approval TO luopan_tenant;
CREATE POLICY tenant_read_of_platform ON scoring_approval FOR SELECT TO luopan_tenant USING (institution_id IS NULL);
"""
UNREAD = """
DROP POLICY tenant_read_of_platform ON scoring_approval;
REVOKE SELECT (id, institution_id, version_id, sha256, waiver, at) ON scoring_approval FROM luopan_tenant;
"""


class Migration(migrations.Migration):
    dependencies = [("scoring", "0009_inquiries")]
    operations = [migrations.RunSQL(READ, UNREAD)]
