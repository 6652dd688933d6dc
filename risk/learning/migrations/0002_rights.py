"""Rights and the flows of books and runs. The label ledger is appended to, and never changed."""

from django.db import migrations

from hub.db.operations import platform_table, tenant_table
from hub.flow import enforce
from risk.learning.flows import BOOK, RUN


class Migration(migrations.Migration):
    dependencies = [("learning", "0001_initial"), ("scoring", "0002_rights"), ("hub", "0002_rights")]
    operations = [
        tenant_table("learning_loanbook", tenant="SELECT, INSERT", platform="SELECT, INSERT, UPDATE"),
        tenant_table("learning_bookproblem", tenant="SELECT", platform="SELECT, INSERT"),
        tenant_table("learning_labelentry", tenant="", platform="SELECT, INSERT"),
        tenant_table("learning_trainingrun", tenant="SELECT", platform="SELECT, INSERT, UPDATE"),
        platform_table("learning_trainingcheckpoint", rights="SELECT, INSERT, DELETE"),
        enforce("learning_loanbook", "state", BOOK),
        enforce("learning_trainingrun", "state", RUN),
    ]
