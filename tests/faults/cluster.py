"""A PostgreSQL of a test's own: it may be stopped, frozen, starved and killed without harm to any other test."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from psycopg import sql

from hub import postgres, tasks
from hub.clock import now
from tests import factories
from tests.risk.registry_factory import make_champion, make_line
from tests.stack import until


@dataclass(frozen=True)
class World:
    """Who lives in each cluster: one bank, its client's token, and a champion that scores."""

    institution_id: str
    authorization: str


class Cluster:
    """One server below `home`, reached by a unix socket, with a database of the tests' tables."""

    def __init__(self, home: Path, database: str, **options: str) -> None:
        self.home, self.database, self.options = home, database, options
        self.host = str(postgres.socket_folder(home))

    @property
    def environment(self) -> dict[str, str]:
        """What processes of Luopan need in order to live on this cluster."""
        return {
            "LUOPAN_HOME": str(self.home), "LUOPAN_PREPARE": "1",
            "DATABASE_URL": self.url("luopan_app"), "DATABASE_OWNER_URL": self.url("luopan_owner"),
        }  # fmt: skip

    @property
    def world(self) -> World:
        """Who lives here."""
        return World(**json.loads((self.home / "world.json").read_text()))

    def url(self, user: str, host: str = "") -> str:
        """Return the address of the database for a role, at another socket's folder where one is given."""
        return f"postgresql://{user}@/{self.database}?host={quote(host or self.host, safe='')}"

    def start(self) -> None:
        """Start the server; after a crash its orphans may hold it up for a moment."""
        postgres.socket_folder(self.home).mkdir(mode=0o700, parents=True, exist_ok=True)
        own = " ".join(f"-c {name}={value}" for name, value in self.options.items())
        words = [*postgres._server_options(self.home), "-o", own]  # later ones win
        until(
            lambda: self._pg_ctl("start", "-w", "-t", "30", *words).returncode == 0,
            within_s=40, what="PostgreSQL starts",
        )  # fmt: skip

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: smart, fast or immediate (which is a crash)."""
        self._pg_ctl("stop", "-m", mode, "-w", "-t", "30")

    def close(self) -> None:
        """End the server, whatever state it is in, and remove all of it."""
        with suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
        self.stop("immediate")
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.rmtree(self.host, ignore_errors=True)

    def processes(self) -> list[int]:
        """The server's process and all below it; none where it does not run."""
        try:
            parent = int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])
            below = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except (OSError, IndexError):
            return []
        return [parent, *map(int, below)]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the server."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def connect(self, user: str = "postgres", **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection, by default as the superuser, who sees every row."""
        return psycopg.connect(host=self.host, dbname=self.database, user=user, **options)

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser; return its rows."""
        with self.connect(autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def count(self, table: str, where: str = "true") -> int:
        """Count rows."""
        return int(self.ask(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])

    def check_invariants(self) -> None:
        """Run `manage.py check_invariants` on this database; AssertionError with what it said where one is broken."""
        told = StringIO()
        try:
            with self.lent():
                call_command("check_invariants", stdout=told)
        except SystemExit:
            raise AssertionError(f"invariants are broken:\n{told.getvalue()}") from None
        assert told.getvalue().count(": holds") >= 25, told.getvalue()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let this process's own default connection be the application's on this cluster."""
        wrapper: Any = connections["default"]
        usual = wrapper.settings_dict["HOST"]

        def move(host: str) -> None:
            wrapper.close()
            wrapper.close_pool()
            wrapper.settings_dict["HOST"] = host

        # The seals lie in the cluster's own home; the keys are those of this run.
        with override_settings(SEALS=self.home / "seals"):
            move(self.host)
            try:
                yield
            finally:
                move(usual)

    def _pg_ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return postgres._pg_ctl(self.home, *words)


def make_template(folder: Path) -> Cluster:
    """Copy the server of this run with its migrated tables, empty these, let somebody live there, and stop it."""
    place = connections["default"].settings_dict
    folder.mkdir()
    # Against the common folder of the run: an online backup, so other tests go on.
    words = [
        "pg_basebackup",
        "-U",
        "postgres",
        "-h",
        place["HOST"],
        "-D",
        str(folder / "postgres"),
        "-c",
        "fast",
        "--no-sync",
    ]
    subprocess.run([postgres.binaries() / words[0], *words[1:]], check=True, capture_output=True)
    shutil.copy(settings.LUOPAN_HOME / "secrets.json", folder)
    cluster = Cluster(folder, place["NAME"])
    cluster.start()
    _empty(cluster)
    with cluster.lent():
        make_champion(make_line())
        bank = factories.make_institution(sandbox=True)
        headers = factories.bearer(factories.make_client(bank), expires_at=now() + timedelta(days=1))
        # What this left to be done would grow old in the template while tests go on.
        tasks.relay_outbox()
        tasks.seal_audit()
    world = World(str(bank.id), headers["HTTP_AUTHORIZATION"])
    (folder / "world.json").write_text(json.dumps(asdict(world)))
    cluster.stop()
    return cluster


def _empty(cluster: Cluster) -> None:
    with cluster.connect() as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname NOT IN ('django_migrations', 'django_content_type', 'auth_permission')"
        ).fetchall()
        names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(names))


@contextmanager
def cluster_of(template: Cluster, **options: str) -> Iterator[Cluster]:
    """Run a copy of the template while the block lasts, with these options of the server."""
    # Not in pytest's folder: a socket's path must be short.
    home = Path(tempfile.mkdtemp(prefix="luopan-fault-"))
    shutil.copytree(template.home, home, dirs_exist_ok=True, symlinks=True)
    made = Cluster(home, template.database, **options)
    made.start()
    try:
        yield made
    finally:
        made.close()
