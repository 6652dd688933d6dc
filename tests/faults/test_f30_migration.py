"""F30: the next release's migrations run under load, its code and this one's serve side by side, and it goes back."""

import os
import shutil
import time
from pathlib import Path
from threading import Timer

import pytest

from hub.management.commands.migrate import LOCK_MS
from tests.faults.cluster import Cluster
from tests.faults.conftest import MakeStack
from tests.faults.load import Load, Told, assert_settled
from tests.stack import ROOT, Stack, until

ROWS = 1_000_000
TABLE = "hub_idempotencykey"  # each request of the load writes into it
EXPAND = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("hub", "{before}")]
    operations = [
        migrations.AddField("idempotencykey", "outcome", models.CharField(max_length=20, null=True)),
        migrations.AddField("idempotencykey", "channel", models.CharField(max_length=20, db_default="api")),
    ]
"""
FILL = """
from django.db import migrations
from hub.db.backfill import backfill

class Migration(migrations.Migration):
    atomic = False
    dependencies = [("hub", "9001_expand")]
    operations = [backfill("hub_idempotencykey", "outcome = 'status ' || status", "outcome IS NULL")]
"""
INDEX = """
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

class Migration(migrations.Migration):
    atomic = False
    dependencies = [("hub", "9002_fill")]
    operations = [
        AddIndexConcurrently("idempotencykey", models.Index(fields=["outcome"], name="hub_idempotencykey_outcome")),
    ]
"""
EDITS = {
    "    class Meta:\n        constraints = [": """
    outcome = models.CharField(max_length=20, null=True)
    channel = models.CharField(max_length=20, db_default="api")

    class Meta:
        constraints = [""",
    "        indexes = [": """        indexes = [
            models.Index(fields=["outcome"], name="hub_idempotencykey_outcome"),""",
    '            "created_at": now,\n': """            "created_at": now,
            "outcome": f"status {answer.status}",
            "channel": "next",
""",
}


def next_release(tree: Path) -> str:
    """Write the release after this one; return this one's last migration of hub."""
    left_out = shutil.ignore_patterns("__pycache__")
    for folder in ("platform", "partners", "risk", "acquisition"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=left_out)
    for file in ("manage.py", "pyproject.toml"):
        shutil.copy(ROOT / file, tree)
    migrations = tree / "platform" / "hub" / "migrations"
    before = max(file.stem for file in migrations.glob("0*.py"))
    for name, text in (("9001_expand", EXPAND), ("9002_fill", FILL), ("9003_index", INDEX)):
        (migrations / f"{name}.py").write_text(text.replace("{before}", before))
    model = tree / "platform" / "hub" / "idempotency.py"
    text = model.read_text()
    for was, becomes in EDITS.items():
        assert text.count(was) == 1
        text = text.replace(was, becomes)
    model.write_text(text)
    return before


def migrate(stack: Stack, target: str) -> float:
    """Migrate hub to `target`; return how long it took."""
    begun_s = time.monotonic()
    ended = stack.run("migrate", "hub", target)
    assert ended.returncode == 0, ended.stderr
    return time.monotonic() - begun_s


def column(cluster: Cluster) -> bool:
    return bool(cluster.ask("SELECT FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'outcome'", TABLE))


@pytest.mark.fault("F30", heavy=True)
def test_two_releases_on_one_schema(cluster: Cluster, make_stack: MakeStack, tmp_path: Path) -> None:
    tree = tmp_path / "next"
    before = next_release(tree)
    later = Stack(tree, **cluster.environment, PYTHONPATH=f"{tree}{os.pathsep}{tree / 'platform'}")
    later.root = tree
    cluster.ask(
        f"INSERT INTO {TABLE} (institution_id, digest, fingerprint, status, headers, body, created_at)"
        " SELECT gen_random_uuid(), decode(md5(n::text), 'hex'), '', 201, '{}', '', now()"
        f" FROM generate_series(1, {ROWS}) n"
    )
    old = make_stack(cluster)
    try:
        addresses = [old.web(), later.web()]
        assert later.ask("GET", f"{addresses[1]}/readyz").status == 503, "its migrations are missing"
        with Load(cluster.world.authorization, addresses[:1], threads=2) as load:
            until(lambda: len(load.acknowledged) > 20, within_s=60, what="load")
            quiet = load.since(0)
            begun_s = time.monotonic()
            took = {target: migrate(later, target) for target in ("9001", "9002")}
            # An index built beside others' work waits for writers who began before it: it gives way, and comes again.
            writer = cluster.connect()
            writer.execute(f"DELETE FROM {TABLE} WHERE false")
            Timer(LOCK_MS / 1000 + 3, writer.close).start()
            took["9003"] = migrate(later, "9003")
            until(lambda: later.ask("GET", f"{addresses[1]}/readyz").status == 200, within_s=30, what="it is ready")
            left = cluster.count(TABLE, "outcome IS NULL AND fingerprint = ''")
            load.addresses = addresses
            known = len(load.acknowledged)
            until(lambda: len(load.acknowledged) > known + 50, within_s=60, what="both serve")
            written = dict(cluster.ask(f"SELECT channel, count(*) FROM {TABLE} WHERE fingerprint <> '' GROUP BY 1"))
            load.addresses = addresses[:1]
            took["back"] = migrate(later, before)
            known = len(load.acknowledged)
            until(lambda: len(load.acknowledged) > known + 20, within_s=60, what="this release goes on")
        told = load.since(begun_s)
        print(f"{ROWS} rows; seconds: {took}; slowest request: {slowest(quiet):.2f} s, then {slowest(told):.2f} s")
        assert took["9003"] > LOCK_MS / 1000
        assert left == 0
        assert min(written["api"], written["next"]) >= 20
        assert not column(cluster)
        assert {one.status for one in [*quiet, *told]} == {201}
        assert slowest(told) < 4, "nobody waits for a table for longer than the limit of 2 s, and a moment"
        assert_settled(load, cluster)
        assert not cluster.ask("SELECT FROM pg_policies WHERE policyname = 'backfill_by_owner'")
        cluster.ask(f"DELETE FROM {TABLE} WHERE fingerprint = ''")
        cluster.check_invariants()
    finally:
        later.close()


def slowest(told: list[Told]) -> float:
    """The longest time that one request took."""
    return max(one.seconds for one in told)
