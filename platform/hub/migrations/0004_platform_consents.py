"""Consents that borrowers give to the platform, and to one lender through it."""

from django.db import migrations, models
from django.db.models.functions import Cast


class Migration(migrations.Migration):
    dependencies = [("hub", "0003_broker")]
    operations = [
        migrations.RemoveConstraint(model_name="consententry", name="hub_consententry_reference_state"),
        migrations.AlterField(
            model_name="consententry", name="institution_id", field=models.UUIDField(editable=False, null=True)
        ),
        migrations.AddConstraint(
            model_name="consententry",
            constraint=models.UniqueConstraint(
                models.F("institution_id"), models.F("reference_index"), models.F("state"),
                name="hub_consententry_reference_state", nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="consententry",
            constraint=models.CheckConstraint(
                name="hub_consententry_recipient",
                condition=models.Q(institution_id__isnull=False) | models.Q(recipient="luopan"),
            ),
        ),
        migrations.AddConstraint(
            model_name="consententry",
            constraint=models.CheckConstraint(
                name="hub_consententry_lender",
                condition=~models.Q(purpose="share_with_lender")
                | models.Q(institution_id__isnull=False, recipient=Cast("institution_id", models.CharField())),
            ),
        ),
        migrations.AddConstraint(
            model_name="consententry",
            constraint=models.UniqueConstraint(
                fields=["consent_id"], name="hub_consententry_withdrawn_once", condition=models.Q(state="withdrawn")
            ),
        ),
        # A lender cannot make up a borrower's consent to share with it.
        migrations.RunSQL(
            """CREATE POLICY tenant_makes_no_share ON hub_consententry AS RESTRICTIVE FOR INSERT TO luopan_tenant
            WITH CHECK (purpose <> 'share_with_lender')""",
            "DROP POLICY tenant_makes_no_share ON hub_consententry",
        ),
    ]
