"""A refusal of the platform may be looked at again by a person."""

import django.db.models.deletion
import hub.ids
from django.db import migrations, models

from hub.db.operations import platform_table
from hub.flow import enforce
from risk.scoring.flows import REVIEW


class Migration(migrations.Migration):

    dependencies = [
        ('scoring', '0006_score_batches'),
    ]

    operations = [
        migrations.CreateModel(
            name='DecisionReview',
            fields=[
                ('id', models.UUIDField(default=hub.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('application_id', models.UUIDField(editable=False)),
                ('sandbox_id', models.UUIDField(editable=False, null=True)),
                ('language', models.CharField(editable=False, max_length=10)),
                ('state', models.CharField(choices=[('open', 'open'), ('assigned', 'assigned'), ('upheld', 'upheld'), ('overturned', 'overturned'), ('withdrawn', 'withdrawn')], default='open', editable=False, max_length=10)),
                ('rules_version', models.CharField(editable=False, max_length=20)),
                ('statement', models.BinaryField()),
                ('asked_at', models.DateTimeField(editable=False)),
                ('due_at', models.DateTimeField(editable=False)),
                ('extended_at', models.DateTimeField(editable=False, null=True)),
                ('extension', models.BinaryField(null=True)),
                ('assignee_id', models.UUIDField(editable=False, null=True)),
                ('verdict', models.BinaryField(null=True)),
                ('decided_by', models.UUIDField(editable=False, null=True)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('decision', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='reviews', to='scoring.decision')),
            ],
            options={
                'ordering': ['-asked_at', '-id'],
                'indexes': [models.Index(condition=models.Q(('ended_at', None)), fields=['due_at'], name='scoring_decisionreview_waiting')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'withdrawn'), _negated=True), fields=('decision',), name='scoring_decisionreview_one'), models.CheckConstraint(condition=models.Q(('assignee_id__isnull', False), ('state__in', ['open', 'withdrawn']), _connector='OR'), name='scoring_decisionreview_assigned'), models.CheckConstraint(condition=models.Q(models.Q(('decided_by__isnull', False), ('state__in', ['upheld', 'overturned']), ('verdict__isnull', False)), models.Q(('decided_by__isnull', True), ('state__in', ['open', 'assigned', 'withdrawn']), ('verdict__isnull', True)), _connector='OR'), name='scoring_decisionreview_decided'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state__in', ['open', 'assigned'])), models.Q(('ended_at__isnull', False), ('state__in', ['upheld', 'overturned', 'withdrawn'])), _connector='OR'), name='scoring_decisionreview_ended'), models.CheckConstraint(condition=models.Q(models.Q(('extended_at__isnull', True), ('extension__isnull', True)), models.Q(('extended_at__isnull', False), ('extension__isnull', False)), _connector='OR'), name='scoring_decisionreview_extended'), models.CheckConstraint(condition=models.Q(('due_at__gt', models.F('asked_at'))), name='scoring_decisionreview_due_later')],
            },
        ),
        platform_table("scoring_decisionreview", rights="SELECT, INSERT, UPDATE"),
        enforce("scoring_decisionreview", "state", REVIEW),
    ]
