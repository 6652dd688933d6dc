"""Rights and the flow of versions."""

from django.db import migrations

from hub.db.operations import tenant_table
from hub.flow import enforce
from risk.scoring.flows import VERSION


class Migration(migrations.Migration):
    dependencies = [("scoring", "0001_initial"), ("hub", "0002_rights")]
    operations = [
        tenant_table("scoring_modelline", tenant="SELECT, INSERT", platform="SELECT, INSERT, UPDATE", shared=True),
        tenant_table("scoring_modelversion", tenant="SELECT", platform="SELECT, INSERT, UPDATE", shared=True),
        tenant_table("scoring_approval", tenant="", platform="SELECT, INSERT"),
        tenant_table("scoring_promotion", tenant="SELECT", platform="SELECT, INSERT", shared=True),
        tenant_table("scoring_decision", tenant="SELECT, INSERT", platform="SELECT"),
        enforce("scoring_modelversion", "state", VERSION),
    ]
