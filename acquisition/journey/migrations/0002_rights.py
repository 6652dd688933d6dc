"""The borrowers' tables are the platform's alone; an application's state keeps to its flow."""

from django.db import migrations

from acquisition.journey.flows import APPLICATION
from hub.db.operations import platform_table
from hub.flow import enforce


class Migration(migrations.Migration):
    dependencies = [("journey", "0001_initial"), ("hub", "0002_rights")]
    operations = [
        platform_table("journey_borrower", rights="SELECT, INSERT, UPDATE"),
        platform_table("journey_application", rights="SELECT, INSERT, UPDATE"),
        platform_table("journey_onetimecode", rights="SELECT, INSERT, UPDATE"),
        enforce("journey_application", "state", APPLICATION),
    ]
