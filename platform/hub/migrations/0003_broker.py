"""The broker's two tables."""

from django.db import migrations, models
from django.db.models.functions import Now

from hub.db.operations import platform_table


class Migration(migrations.Migration):
    dependencies = [("hub", "0002_rights")]
    operations = [
        migrations.CreateModel(
            name="BrokerDead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("queue", models.CharField(max_length=48)),
                ("body", models.TextField()),
                ("enqueued_at", models.DateTimeField()),
                ("deliveries", models.PositiveSmallIntegerField()),
                ("reason", models.CharField(max_length=16)),
                ("parked_at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason__in", ["deliveries", "rejected"])),
                        name="hub_brokerdead_reason_known",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="BrokerMessage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("queue", models.CharField(max_length=48)),
                ("body", models.TextField()),
                ("visible_at", models.DateTimeField(db_default=Now())),
                ("enqueued_at", models.DateTimeField(db_default=Now())),
                ("deliveries", models.PositiveSmallIntegerField(db_default=0)),
            ],
            options={
                "indexes": [models.Index(fields=["queue", "visible_at", "id"], name="hub_brokermessage_claim")],
            },
        ),
        # Every message dies young: sweep after each thousand, at full speed, however many rows wait.
        migrations.RunSQL(
            "ALTER TABLE hub_brokermessage SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,"
            " autovacuum_vacuum_cost_delay = 0)",
            migrations.RunSQL.noop,
        ),
        platform_table("hub_brokermessage", rights="SELECT, INSERT, UPDATE, DELETE"),
        platform_table("hub_brokerdead", rights="SELECT, INSERT, DELETE"),
    ]
