"""Suspicious labels are kept out of trainings until a person decides; each outcome knows its lender from now on."""

import django.db.models.deletion
from django.db import migrations, models

import hub.ids
from hub.db.operations import platform_table
from hub.flow import enforce
from risk.learning.flows import HOLD


class Migration(migrations.Migration):
    dependencies = [("learning", "0004_key_rotation")]
    operations = [
        migrations.AddField("outcomeentry", "lender_id", models.UUIDField(editable=False, null=True)),
        migrations.CreateModel(
            name="LabelHold",
            fields=[
                ("id", models.UUIDField(default=hub.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("lender_id", models.UUIDField(editable=False)),
                ("state", models.CharField(choices=HOLD.choices(), default="held", editable=False, max_length=10)),
                ("says", models.CharField(editable=False, max_length=500)),
                ("first_entry", models.BigIntegerField(editable=False)),
                ("last_entry", models.BigIntegerField(editable=False, null=True)),
                ("found_at", models.DateTimeField(editable=False)),
                ("due_at", models.DateTimeField(editable=False)),
                ("decided_by", models.UUIDField(editable=False, null=True)),
                ("decided_at", models.DateTimeField(editable=False, null=True)),
                ("note", models.CharField(blank=True, default="", editable=False, max_length=500)),
                (
                    "line",
                    models.ForeignKey(
                        editable=False, on_delete=django.db.models.deletion.PROTECT, related_name="+",
                        to="scoring.modelline",
                    ),
                ),
            ],
            options={
                "ordering": ["-found_at", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "held")), fields=("line", "lender_id"),
                        name="learning_labelhold_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at", None), ("last_entry", None), ("state", "held")),
                            models.Q(
                                models.Q(("state", "held"), _negated=True),
                                ("decided_at__isnull", False),
                                ("last_entry__gte", models.F("first_entry")),
                            ),
                            _connector="OR",
                        ),
                        name="learning_labelhold_decided",
                    ),
                ],
            },
        ),
        platform_table("learning_labelhold", rights="SELECT, INSERT, UPDATE"),
        enforce("learning_labelhold", "state", HOLD),
    ]
