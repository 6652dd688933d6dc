"""Refusals that people overturned are a figure too."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('monitoring', '0002_rights'),
    ]

    operations = [
        migrations.AlterField(
            model_name='alert',
            name='metric',
            field=models.CharField(choices=[('psi', 'PSI of the score'), ('csi', 'CSI of a feature'), ('approval_rate', 'Share recommended for approval'), ('calibration', 'Observed over expected bad loans'), ('slope', 'Calibration slope'), ('intercept', 'Calibration intercept'), ('auc', 'AUC'), ('differing', 'Lenders that differ from the recommendation'), ('overridden', 'Refusals that a person overturned'), ('impact_ratio', 'Adverse impact ratio'), ('mean_difference', 'Standardised mean difference'), ('alternative', 'Impact ratio of a less discriminatory alternative')], editable=False, max_length=20),
        ),
        migrations.AlterField(
            model_name='figure',
            name='metric',
            field=models.CharField(choices=[('psi', 'PSI of the score'), ('csi', 'CSI of a feature'), ('approval_rate', 'Share recommended for approval'), ('calibration', 'Observed over expected bad loans'), ('slope', 'Calibration slope'), ('intercept', 'Calibration intercept'), ('auc', 'AUC'), ('differing', 'Lenders that differ from the recommendation'), ('overridden', 'Refusals that a person overturned'), ('impact_ratio', 'Adverse impact ratio'), ('mean_difference', 'Standardised mean difference'), ('alternative', 'Impact ratio of a less discriminatory alternative')], editable=False, max_length=20),
        ),
    ]
