"""PostgreSQL with our settings, roles and rules of access, and PgBouncer in front of it: both for real, on loopback."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from hub import postgres
from hub.db.base import refuse_unsafe_role
from tests.deploy.files import DEPLOY, ROOT, tool
from tests.stack import free_port, until

PASSWORDS = {name: f"{name}'s words" for name in ("APP_PASSWORD", "OWNER_PASSWORD", "BACKUP_PASSWORD")}
DEADLINE = ["-w", "-t", "60"]


@dataclass(frozen=True)
class Place:
    """A port of loopback that speaks PostgreSQL's protocol."""

    port: int

    def connect(self, user: str, password: str, name: str = "luopan") -> psycopg.Connection:
        """A connection that prepares nothing, as behind a pooler."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=user, password=password, dbname=name, connect_timeout=10,
            autocommit=True, prepare_threshold=None,
        )  # fmt: skip


def run(program: str, *words: str, **environment: str) -> str:
    """Run one of PostgreSQL's programs as an ordinary user; its output goes to a file that a server may inherit."""
    folder = Path(os.environ["LUOPAN_HOME"])
    with (folder / f"{program}.output").open("w+") as output:
        code = subprocess.call(
            [*postgres.as_user(), str(postgres.binaries() / program), *words],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", env={**os.environ, **environment},
        )  # fmt: skip
        output.seek(0)
        text = output.read()
    assert code == 0, f"{program}: {text[-2000:]}"
    return text


@dataclass
class Server:
    """A cluster of this module's own."""

    folder: Path
    place: Place
    userlist: str = ""

    def start(self, *, rules: Path | None = None) -> None:
        """Start it with our settings; with `rules` in the place of what initdb wrote, which lets everybody in."""
        options = (
            f"-c config_file={DEPLOY / 'postgres/postgresql.conf'} -c hba_file={rules or self.data / 'pg_hba.conf'}"
        )
        here = f"-c listen_addresses=127.0.0.1 -c port={self.place.port} -c unix_socket_directories='{self.folder}'"
        run("pg_ctl", "-D", str(self.data), "start", *DEADLINE, "-l", str(self.folder / "log"),
            "-o", f"{options} {here} -c shared_buffers=32MB -c fsync=off")  # fmt: skip

    def stop(self) -> None:
        """End it at once."""
        run("pg_ctl", "-D", str(self.data), "stop", "-m", "immediate", *DEADLINE)

    @property
    def data(self) -> Path:
        """Where its files are."""
        return self.folder / "data"

    def sql(self, *words: str) -> str:
        """Run psql as the superuser."""
        place = ["--host", str(self.folder), "--port", str(self.place.port), "--username", "postgres"]
        return run("psql", "--no-psqlrc", *place, "--dbname", "postgres", *words, **PASSWORDS)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("pg"), Place(free_port()))
    run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D", str(made.data))
    made.start()
    try:
        for _ in range(2):  # both are safe to run again
            made.sql("--set", "ON_ERROR_STOP=1", "--file", str(ROOT / "platform/hub/sql/roles.sql"))
            made.sql("--file", str(DEPLOY / "postgres/database.sql"))
        secret = "SELECT format('\"%s\" \"%s\"', rolname, rolpassword) FROM pg_authid WHERE rolname = 'luopan_app'"
        assert secret in (DEPLOY / "README.md").read_text()
        made.userlist = made.sql("--tuples-only", "--no-align", "--command", secret)
        made.stop()
        made.start(rules=DEPLOY / "postgres/pg_hba.conf")
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def pooler(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    program = tool("pgbouncer")
    folder, place = tmp_path_factory.mktemp("pgbouncer"), Place(free_port())
    (folder / "userlist.txt").write_text(server.userlist)
    reached = (DEPLOY / "pgbouncer/server.compose.ini").read_text()
    reached = reached.replace("host=postgres port=5432", f"host=127.0.0.1 port={server.place.port}")
    (folder / "server.ini").write_text(reached)
    text = (DEPLOY / "pgbouncer/pgbouncer.ini").read_text().replace("/etc/pgbouncer/site", str(folder))
    text = text.replace("listen_addr = *", "listen_addr = 127.0.0.1").replace("6432", str(place.port))
    (folder / "pgbouncer.ini").write_text(text)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*postgres.as_user(), program, str(folder / "pgbouncer.ini")],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
        )  # fmt: skip
    try:
        until(lambda: process.poll() is not None or admits(place), within_s=30, what="PgBouncer's start")
        assert process.poll() is None, (folder / "log").read_text()
        assert "WARNING" not in (folder / "log").read_text()
        yield place
    finally:
        process.kill()
        process.wait()


def admits(place: Place) -> bool:
    try:
        place.connect("luopan_app", PASSWORDS["APP_PASSWORD"]).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_application_may_connect_and_has_no_rights_of_its_own(server: Server) -> None:
    with closing(server.place.connect("luopan_app", PASSWORDS["APP_PASSWORD"])) as connection:
        refuse_unsafe_role(connection)
        limits = [connection.execute(f"SHOW {name}").fetchone() for name in ("statement_timeout", "lock_timeout")]
        assert limits == [("30s",), ("5s",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE hub_mine (id int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TEMPORARY TABLE mine (id int)")


def test_the_owner_makes_tables_and_the_role_of_the_backups_reads_none(server: Server) -> None:
    with closing(server.place.connect("luopan_owner", PASSWORDS["OWNER_PASSWORD"])) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("DROP TABLE kept")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE DATABASE another")
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba.conf entry"):
        server.place.connect("luopan_backup", PASSWORDS["BACKUP_PASSWORD"])


@pytest.mark.parametrize(("user", "password"), [("luopan_app", "wrong"), ("postgres", ""), ("luopan_tenant", "")])
def test_nobody_else_comes_in_from_the_network(server: Server, user: str, password: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        server.place.connect(user, password)


def test_logs_hold_no_values_and_what_is_answered_is_on_the_disk(server: Server) -> None:
    settings = dict(
        line.split("|") for line in server_settings(server, "log_error_verbosity", "log_parameter_max_length",
                                                    "log_parameter_max_length_on_error", "synchronous_commit")
    )  # fmt: skip
    assert settings == {
        "log_error_verbosity": "terse", "log_parameter_max_length": "0", "log_parameter_max_length_on_error": "0",
        "synchronous_commit": "on",
    }  # fmt: skip


def server_settings(server: Server, *names: str) -> list[str]:
    with closing(server.place.connect("luopan_owner", PASSWORDS["OWNER_PASSWORD"])) as connection:
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(names)]
        ).fetchall()
    return [f"{name}|{setting}" for name, setting in rows]


def test_the_pooler_shares_connections_between_transactions(pooler: Place) -> None:
    def backend(connection: psycopg.Connection) -> int:
        found = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert found is not None
        return int(found[0])

    password = PASSWORDS["APP_PASSWORD"]
    with closing(pooler.connect("luopan_app", password)) as one, closing(pooler.connect("luopan_app", password)) as two:
        refuse_unsafe_role(one)
        assert {backend(one) for _ in range(5)} & {backend(two) for _ in range(5)}
        assert one.execute("SHOW statement_timeout").fetchone() == ("30s",)
        with one.transaction():
            one.execute("SELECT set_config('role', 'luopan_tenant', true)")
            assert one.execute("SELECT current_user").fetchone() == ("luopan_tenant",)
        assert two.execute("SELECT current_user").fetchone() == ("luopan_app",)


@pytest.mark.parametrize(("user", "name"), [("luopan_owner", "luopan"), ("luopan_app", "postgres")])
def test_the_pooler_admits_the_application_alone(pooler: Place, user: str, name: str) -> None:
    with pytest.raises(psycopg.OperationalError):
        pooler.connect(user, PASSWORDS["OWNER_PASSWORD" if user == "luopan_owner" else "APP_PASSWORD"], name)
