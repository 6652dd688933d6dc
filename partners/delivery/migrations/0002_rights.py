"""Rights and flows: an institution's role never reads a secret and makes no delivery."""

from django.db import migrations

from hub.db.operations import platform_table, tenant_table
from hub.flow import enforce
from partners.delivery.flows import DELIVERY, ENDPOINT

ROTATED_COLUMNS = "id, institution_id, endpoint_id, created_at, expires_at"


class Migration(migrations.Migration):
    dependencies = [("delivery", "0001_initial"), ("hub", "0002_rights")]
    operations = [
        tenant_table(
            "delivery_webhookendpoint", tenant="SELECT, INSERT, UPDATE", platform="SELECT, INSERT, UPDATE"
        ),
        tenant_table(
            "delivery_webhooksecret",
            tenant=f"SELECT ({ROTATED_COLUMNS}), INSERT, UPDATE (expires_at), DELETE",
            platform="SELECT, INSERT, UPDATE, DELETE",
        ),
        tenant_table("delivery_delivery", tenant="SELECT, UPDATE", platform="SELECT, INSERT, UPDATE"),
        platform_table("delivery_feedcursor", rights="SELECT, INSERT, UPDATE"),
        enforce("delivery_webhookendpoint", "state", ENDPOINT),
        enforce("delivery_delivery", "state", DELIVERY),
    ]
