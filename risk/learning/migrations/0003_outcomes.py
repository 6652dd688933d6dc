"""Outcomes of the platform's own loans in the label ledger: appended to by the platform alone, and never changed."""

import django.db.models.deletion
from django.db import migrations, models

from hub.db.operations import platform_table

LABELS = ["good", "bad", "indeterminate", "excluded"]


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0002_rights"), ("scoring", "0003_platform_decisions"), ("hub", "0004_platform_consents")
    ]
    operations = [
        migrations.AddField(
            model_name="trainingrun", name="as_of", field=models.DateField(editable=False, null=True)
        ),
        migrations.AddField(
            model_name="trainingrun", name="outcomes_until", field=models.BigIntegerField(default=0, editable=False)
        ),
        migrations.CreateModel(
            name="OutcomeEntry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("loan_id", models.UUIDField(editable=False)),
                ("decision_id", models.UUIDField(editable=False)),
                ("label", models.CharField(choices=[(name, name) for name in LABELS], editable=False, max_length=13)),
                ("definition_version", models.PositiveSmallIntegerField(editable=False)),
                ("window_months", models.PositiveSmallIntegerField(editable=False)),
                ("revision", models.PositiveSmallIntegerField(editable=False)),
                ("opened_on", models.DateField(editable=False)),
                ("matures_on", models.DateField(editable=False)),
                ("observed_on", models.DateField(editable=False)),
                ("recorded_at", models.DateTimeField(editable=False)),
                ("sealed", models.BinaryField()),
                (
                    "key",
                    models.ForeignKey(
                        editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="hub.datakey"
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                        to="scoring.modelline",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "outcome entries",
                "ordering": ["id"],
                "indexes": [models.Index(fields=["decision_id"], name="learning_outcomeentry_decision")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("loan_id", "definition_version", "revision"), name="learning_outcomeentry_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("label__in", LABELS)), name="learning_outcomeentry_label"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("revision__gte", 1)), name="learning_outcomeentry_revision"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("matures_on__gt", models.F("opened_on")), ("matures_on__lte", models.F("observed_on"))
                        ),
                        name="learning_outcomeentry_window_closed",
                    ),
                ],
            },
        ),
        platform_table("learning_outcomeentry", rights="SELECT, INSERT"),
    ]
