"""Figures, alerts, and what is heard of others."""

import django.db.models.deletion
import hub.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('scoring', '0002_rights'),
    ]

    operations = [
        migrations.CreateModel(
            name='SandboxTenant',
            fields=[
                ('institution_id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name='LenderAnswer',
            fields=[
                ('answer_id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('institution_id', models.UUIDField(editable=False)),
                ('referral_id', models.UUIDField(editable=False)),
                ('application_id', models.UUIDField(editable=False)),
                ('kind', models.CharField(editable=False, max_length=20)),
                ('at', models.DateTimeField(editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['application_id'], name='monitoring_lenderanswer_case')],
                'constraints': [models.CheckConstraint(condition=models.Q(('kind__in', ['approve', 'decline', 'counter_offer', 'ask_for_more'])), name='monitoring_lenderanswer_kind')],
            },
        ),
        migrations.CreateModel(
            name='MonitoringRun',
            fields=[
                ('lease_token', models.UUIDField(editable=False, null=True)),
                ('lease_until', models.DateTimeField(editable=False, null=True)),
                ('nudged_at', models.DateTimeField(editable=False, null=True)),
                ('id', models.UUIDField(default=hub.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('institution_id', models.UUIDField(editable=False, null=True)),
                ('day', models.DateField(editable=False)),
                ('decisions', models.PositiveIntegerField(default=0, editable=False)),
                ('created_at', models.DateTimeField(editable=False)),
                ('finished_at', models.DateTimeField(editable=False, null=True)),
                ('line', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='scoring.modelline')),
                ('version', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='scoring.modelversion')),
            ],
            options={
                'ordering': ['-day', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Figure',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('institution_id', models.UUIDField(editable=False, null=True)),
                ('metric', models.CharField(choices=[('psi', 'PSI of the score'), ('csi', 'CSI of a feature'), ('approval_rate', 'Share recommended for approval'), ('calibration', 'Observed over expected bad loans'), ('slope', 'Calibration slope'), ('intercept', 'Calibration intercept'), ('auc', 'AUC'), ('differing', 'Lenders that differ from the recommendation'), ('impact_ratio', 'Adverse impact ratio'), ('mean_difference', 'Standardised mean difference'), ('alternative', 'Impact ratio of a less discriminatory alternative')], editable=False, max_length=20)),
                ('segment_kind', models.CharField(blank=True, editable=False, max_length=10)),
                ('segment', models.CharField(blank=True, editable=False, max_length=200)),
                ('source', models.CharField(editable=False, max_length=12)),
                ('basis', models.CharField(blank=True, editable=False, max_length=10)),
                ('value', models.FloatField(editable=False)),
                ('lower', models.FloatField(editable=False, null=True)),
                ('upper', models.FloatField(editable=False, null=True)),
                ('rows', models.PositiveIntegerField(editable=False)),
                ('bads', models.PositiveIntegerField(editable=False, null=True)),
                ('limit_low', models.FloatField(editable=False, null=True)),
                ('limit_high', models.FloatField(editable=False, null=True)),
                ('beyond', models.BooleanField(default=False, editable=False)),
                ('details', models.JSONField(default=dict, editable=False)),
                ('run', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='figures', to='monitoring.monitoringrun')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.UUIDField(default=hub.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('institution_id', models.UUIDField(editable=False, null=True)),
                ('metric', models.CharField(choices=[('psi', 'PSI of the score'), ('csi', 'CSI of a feature'), ('approval_rate', 'Share recommended for approval'), ('calibration', 'Observed over expected bad loans'), ('slope', 'Calibration slope'), ('intercept', 'Calibration intercept'), ('auc', 'AUC'), ('differing', 'Lenders that differ from the recommendation'), ('impact_ratio', 'Adverse impact ratio'), ('mean_difference', 'Standardised mean difference'), ('alternative', 'Impact ratio of a less discriminatory alternative')], editable=False, max_length=20)),
                ('segment_kind', models.CharField(blank=True, editable=False, max_length=10)),
                ('segment', models.CharField(blank=True, editable=False, max_length=200)),
                ('source', models.CharField(editable=False, max_length=12)),
                ('state', models.CharField(choices=[('open', 'open'), ('closed', 'closed')], default='open', editable=False, max_length=6)),
                ('opened_at', models.DateTimeField(editable=False)),
                ('closed_at', models.DateTimeField(editable=False, null=True)),
                ('line', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='scoring.modelline')),
                ('opened_by', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='monitoring.figure')),
                ('closed_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='monitoring.monitoringrun')),
            ],
            options={
                'ordering': ['-opened_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='ScoredCase',
            fields=[
                ('application_id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('decision_id', models.UUIDField(editable=False)),
            ],
            options={
                'indexes': [models.Index(fields=['decision_id'], name='monitoring_scoredcase_decision')],
            },
        ),
        migrations.AddConstraint(
            model_name='monitoringrun',
            constraint=models.UniqueConstraint(fields=('line', 'day'), name='monitoring_monitoringrun_once'),
        ),
        migrations.AddConstraint(
            model_name='monitoringrun',
            constraint=models.CheckConstraint(condition=models.Q(('finished_at__isnull', True), ('lease_token__isnull', True), _connector='OR'), name='monitoring_monitoringrun_ended'),
        ),
        migrations.AddIndex(
            model_name='figure',
            index=models.Index(fields=['institution_id', 'run'], name='monitoring_figure_of'),
        ),
        migrations.AddConstraint(
            model_name='figure',
            constraint=models.UniqueConstraint(models.F('run'), models.F('institution_id'), models.F('metric'), models.F('segment_kind'), models.F('segment'), models.F('source'), name='monitoring_figure_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='figure',
            constraint=models.CheckConstraint(condition=models.Q(('segment_kind__in', ['', 'grade', 'channel', 'feature', 'vintage', 'group'])), name='monitoring_figure_segment'),
        ),
        migrations.AddConstraint(
            model_name='figure',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['decisions', 'outcomes', 'new book', 'learned book'])), name='monitoring_figure_source'),
        ),
        migrations.AddConstraint(
            model_name='figure',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('basis__in', ['collected', 'voluntary', 'estimated']), ('segment_kind', 'group')), models.Q(('basis', ''), models.Q(('segment_kind', 'group'), _negated=True)), _connector='OR'), name='monitoring_figure_basis'),
        ),
        migrations.AddConstraint(
            model_name='figure',
            constraint=models.CheckConstraint(condition=models.Q(('beyond', False), ('limit_low__isnull', False), ('limit_high__isnull', False), _connector='OR'), name='monitoring_figure_beyond'),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.UniqueConstraint(models.F('line'), models.F('institution_id'), models.F('metric'), models.F('segment_kind'), models.F('segment'), models.F('source'), condition=models.Q(('state', 'open')), name='monitoring_alert_one_open', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='alert',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('closed_by__isnull', True), ('state', 'open')), models.Q(('closed_at__isnull', False), ('closed_by__isnull', False), ('state', 'closed')), _connector='OR'), name='monitoring_alert_closed'),
        ),
    ]
