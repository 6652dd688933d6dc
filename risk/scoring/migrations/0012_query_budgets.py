"""Institutions have budgets of scores; who asks like a thief of models is told of."""

import django.db.models.deletion
import hub.ids
from django.db import migrations, models

from hub.db.operations import platform_table, tenant_table
from hub.flow import enforce
from risk.scoring.flows import QUERY_ALERT


class Migration(migrations.Migration):

    dependencies = [
        ('scoring', '0011_notices'),
    ]

    operations = [
        migrations.CreateModel(
            name='QueryBudget',
            fields=[
                ('institution_id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('scores_per_day', models.PositiveIntegerField(editable=False)),
                ('changed_at', models.DateTimeField(editable=False)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('scores_per_day__gt', 0)), name='scoring_querybudget_some')],
            },
        ),
        migrations.CreateModel(
            name='QueryAlert',
            fields=[
                ('id', models.UUIDField(default=hub.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('institution_id', models.UUIDField(editable=False)),
                ('kind', models.CharField(choices=[('spent', 'spent'), ('sweeps', 'sweeps')], editable=False, max_length=10)),
                ('looked_at', models.PositiveIntegerField(editable=False)),
                ('found', models.PositiveIntegerField(editable=False)),
                ('state', models.CharField(choices=[('open', 'open'), ('settled', 'settled')], default='open', editable=False, max_length=10)),
                ('opened_at', models.DateTimeField(editable=False)),
                ('settled_by', models.UUIDField(editable=False, null=True)),
                ('settled_at', models.DateTimeField(editable=False, null=True)),
                ('note', models.CharField(blank=True, default='', editable=False, max_length=500)),
                ('line', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='scoring.modelline')),
            ],
            options={
                'ordering': ['-opened_at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('institution_id', 'line', 'kind'), name='scoring_queryalert_one_open'), models.CheckConstraint(condition=models.Q(('kind__in', ['spent', 'sweeps'])), name='scoring_queryalert_kind'), models.CheckConstraint(condition=models.Q(models.Q(('settled_at__isnull', True), ('settled_by__isnull', True), ('state', 'open')), models.Q(('settled_at__isnull', False), ('settled_by__isnull', False), ('state', 'settled')), _connector='OR'), name='scoring_queryalert_settled')],
            },
        ),
        tenant_table("scoring_querybudget", tenant="SELECT", platform="SELECT, INSERT, UPDATE"),
        platform_table("scoring_queryalert", rights="SELECT, INSERT, UPDATE"),
        enforce("scoring_queryalert", "state", QUERY_ALERT),
    ]
