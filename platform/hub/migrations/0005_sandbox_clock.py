"""The clocks of sandboxes: each tenant has its own, and none goes back."""

from django.db import migrations, models

from hub.db.operations import tenant_table

_FORWARD = """
CREATE FUNCTION hub_sandboxclock_forward() RETURNS trigger LANGUAGE plpgsql AS $forward$
BEGIN
  IF NEW.offset_days < OLD.offset_days THEN
    RAISE EXCEPTION 'the clock of a sandbox never goes back'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'hub_sandboxclock_forward';
  END IF;
  RETURN NEW;
END $forward$;
CREATE TRIGGER hub_sandboxclock_forward BEFORE UPDATE ON hub_sandboxclock
  FOR EACH ROW EXECUTE FUNCTION hub_sandboxclock_forward();
"""


class Migration(migrations.Migration):
    dependencies = [("hub", "0004_platform_consents")]
    operations = [
        migrations.CreateModel(
            name="SandboxClock",
            fields=[
                ("institution_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("offset_days", models.PositiveIntegerField(default=0, editable=False)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("offset_days__lte", 10_950)), name="hub_sandboxclock_limit"
                    )
                ],
            },
        ),
        tenant_table(
            "hub_sandboxclock", tenant="SELECT, INSERT, UPDATE", platform="SELECT, INSERT, UPDATE"
        ),
        migrations.RunSQL(
            _FORWARD,
            "DROP TRIGGER hub_sandboxclock_forward ON hub_sandboxclock; DROP FUNCTION hub_sandboxclock_forward();",
        ),
    ]
