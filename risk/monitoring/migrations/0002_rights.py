"""Rights and the flow of alerts. Figures are appended to, and never changed; an institution reads its own."""

from django.db import migrations

from hub.db.operations import platform_table, tenant_table
from hub.flow import enforce
from risk.monitoring.flows import ALERT


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial"), ("scoring", "0002_rights"), ("hub", "0002_rights")]
    operations = [
        tenant_table("monitoring_monitoringrun", tenant="SELECT", platform="SELECT, INSERT, UPDATE", shared=True),
        tenant_table("monitoring_figure", tenant="SELECT", platform="SELECT, INSERT"),
        tenant_table("monitoring_alert", tenant="", platform="SELECT, INSERT, UPDATE"),
        tenant_table("monitoring_lenderanswer", tenant="", platform="SELECT, INSERT"),
        tenant_table("monitoring_sandboxtenant", tenant="", platform="SELECT, INSERT"),
        platform_table("monitoring_scoredcase", rights="SELECT, INSERT"),
        enforce("monitoring_alert", "state", ALERT),
    ]
