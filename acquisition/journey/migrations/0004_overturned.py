"""An application that was declined may go on to lenders, where a person has overturned that."""

from django.db import migrations

from acquisition.journey.flows import APPLICATION
from hub.flow import enforce


class Migration(migrations.Migration):
    dependencies = [("journey", "0003_code_counts")]
    operations = [enforce("journey_application", "state", APPLICATION)]
