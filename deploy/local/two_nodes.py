"""Two nodes on one machine: PostgreSQL, PgBouncer, RabbitMQ, haproxy, and the same entry points as everywhere.

    deploy/local/two-nodes [--folder .local/two-nodes] [--port 8100] [--demo]

Everything lies in one folder, listens on loopback or a socket, and ends with this process, however that ends. The
ports are `--port` and the five after it. FOLDER/environment.json is what `manage.py` needs to act on it.
"""

import argparse
import http.client
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

sys.path.insert(1, str(Path(__file__).resolve().parents[2] / "platform"))

from hub import postgres
from hub.supervisor import ChildFailed, Supervisor

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = {"pgbouncer": "pgbouncer", "epmd": "rabbitmq-server", "haproxy": "haproxy"}
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_POOLER = 6432  # a part of the socket's name, no port of the machine
START_S = 180.0
TICK_S = 0.2


class CannotStartError(Exception):
    """It cannot start here; the message says why and what to do."""


class TwoNodes:
    """All of it. `say` prints a line; `port` is the proxy's."""

    def __init__(self, folder: Path, port: int, say: Callable[[str], None]) -> None:
        self.folder, self.port, self.say = folder, port, say
        self.home = folder / "home"
        self.ports = {name: port + at for at, name in enumerate(["proxy", "web-1", "web-2", "amqp", "erlang", "epmd"])}

    def prepare(self) -> None:
        """Refuse what cannot work, write what the programs read, and start the database."""
        missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
        if not RABBITMQ.exists():
            missing.append("rabbitmq-server")
        if missing:
            raise CannotStartError(f"Not installed here: {', '.join(sorted(set(missing)))} (packages of Debian).")
        for name, port in self.ports.items():
            if not _free(port):
                raise CannotStartError(f"Something listens on port {port}, meant for {name}: choose another --port.")
        self.home.mkdir(parents=True, exist_ok=True)
        postgres.ensure_running(self.home)
        self.environment = self._environment()
        self._write("environment.json", json.dumps(self.environment, indent=1))

    def run(self, *, demo: bool) -> None:
        """Start everything in its order and watch it; ends by an exception only."""
        names = Supervisor(ROOT, self.folder / "log", self.say)
        services = Supervisor(ROOT, self.folder / "log", self.say)
        luopan = Supervisor(ROOT, self.folder / "log", self.say)
        try:
            self._start_names(names)
            self._start_services(services)
            self._start_luopan(luopan, services, demo=demo)
            self.say(f"up: http://localhost:{self.port}/ (pages at /apply/, console at /console/)")
            while True:
                for children in (names, services, luopan):
                    children.look()
                time.sleep(TICK_S)
        finally:
            # Who is at work first, then what it works with. RabbitMQ would start a name service that it misses.
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            self.say("stopping")
            luopan.stop()
            services.stop()
            names.stop()
            postgres.stop(self.home)
            self.say("stopped")

    def _start_names(self, names: Supervisor) -> None:
        names.start_program("epmd", "epmd", "-port", str(self.ports["epmd"]), "-address", "127.0.0.1")
        self._wait(names, lambda: not _free(self.ports["epmd"]), "epmd")

    def _start_services(self, services: Supervisor) -> None:
        words = [*postgres.as_user(), shutil.which("pgbouncer") or "", str(self._pgbouncer())]
        services.start_program("pgbouncer", *words)
        services.start_program("rabbitmq", str(RABBITMQ), environment=self._rabbitmq())
        self._migrate()
        self._wait(services, lambda: _speaks_amqp(self.ports["amqp"]), "RabbitMQ")
        self.say("PostgreSQL, PgBouncer and RabbitMQ answer")

    def _start_luopan(self, luopan: Supervisor, services: Supervisor, *, demo: bool) -> None:
        def start(name: str, *words: str, **more: str) -> None:
            luopan.start(name, *words, environment={**self.environment, "LUOPAN_NODE": name, **more})

        for name in ("web-1", "web-2"):
            start(name, "web", LUOPAN_PORT=str(self.ports[name]))
        for name in ("worker-1", "worker-2"):
            start(name, "worker", "default", "delivery")
        start("worker-3", "worker", "training")
        start("beat", "beat")
        services.start_program("haproxy", shutil.which("haproxy") or "", "-db", "-f", str(self._haproxy()))
        for name in ("web-1", "web-2", "proxy"):
            self._wait(luopan, lambda name=name: _status(self.ports[name], "/livez") == 200, name)  # type: ignore[misc]  # binds name
        if demo:
            child = luopan.start("demo", "demo", once=True, environment=self.environment)
            self._wait(luopan, lambda: child.done, "the demonstration's data", within_s=900)

    def _migrate(self) -> None:
        self.say("applying the migrations")
        command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotStartError(f"The migrations cannot be applied: {done.stderr.strip()[-1500:]}")

    def _wait(self, children: Supervisor, done: Callable[[], bool], what: str, *, within_s: float = START_S) -> None:
        deadline_s = time.monotonic() + within_s
        while not done():
            children.look()
            if time.monotonic() > deadline_s:
                raise ChildFailed(f"{what} does not answer within {within_s:g} s; look at {children.logs}")
            time.sleep(TICK_S)

    def _environment(self) -> dict[str, str]:
        where = quote(str(postgres.socket_folder(self.home)), safe="")
        password = self._password()
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "TMPDIR"}}
        return {
            **kept,
            "HOME": str(self.folder),
            "LUOPAN_HOME": str(self.home),
            "LUOPAN_DEMO": "1",
            "LUOPAN_DEMO_APPLICANTS": "0",
            "LUOPAN_URL": f"http://localhost:{self.port}",
            "LUOPAN_PROXIES": "1",
            "LUOPAN_WEB_PROCESSES": "2",
            "DATABASE_URL": f"postgresql://luopan_app@:{_POOLER}/luopan?host={where}",
            "DATABASE_OWNER_URL": f"postgresql://luopan_owner@/luopan?host={where}",
            "CELERY_BROKER_URL": f"amqp://luopan:{password}@127.0.0.1:{self.ports['amqp']}/luopan",
            "OMP_NUM_THREADS": "1",
        }

    def _password(self) -> str:
        path = self.folder / "broker.password"
        if not path.exists():
            self._write(path.name, secrets.token_urlsafe(24))
        return path.read_text()

    def _pgbouncer(self) -> Path:
        """The settings of deploy/pgbouncer, with a socket for an address and the trust of a folder of one's own."""
        shipped = (ROOT / "deploy/pgbouncer/pgbouncer.ini").read_text()
        left_out = ("%include", "auth_", "listen_", "unix_socket_dir")
        lines = [line for line in shipped.splitlines() if not line.startswith(left_out)]
        where = postgres.socket_folder(self.home)
        lines += [
            f"listen_port = {_POOLER}", f"unix_socket_dir = {where}", "auth_type = any",
            "[databases]", f"luopan = host={where} dbname=luopan user=luopan_app",
        ]  # fmt: skip
        return self._write("pgbouncer.ini", "\n".join(lines) + "\n")

    def _rabbitmq(self) -> dict[str, str]:
        """The definitions and settings of deploy/rabbitmq, with a user of this folder; no plugins."""
        data, definitions = self.folder / "rabbitmq", self.folder / "rabbitmq" / "definitions"
        definitions.mkdir(parents=True, exist_ok=True)
        user = {"name": "luopan", "password": self._password(), "tags": ""}
        self._write("rabbitmq/definitions/00-users.json", json.dumps({"users": [user]}))
        shutil.copy(ROOT / "deploy/rabbitmq/10-luopan.json", definitions)
        shipped = (ROOT / "deploy/rabbitmq/rabbitmq.conf").read_text()
        lines = [
            line for line in shipped.splitlines() if not re.match(r"definitions\.|load_def|management|prom|disk", line)
        ]
        self._write("rabbitmq/rabbitmq.conf", "\n".join([*lines, f"load_definitions = {definitions}"]) + "\n")
        self._write("rabbitmq/plugins", "[].")
        return {
            **self.environment,
            "HOME": str(data),
            "RABBITMQ_NODENAME": f"luopan{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(self.ports["erlang"]),
            "RABBITMQ_CONFIG_FILE": str(data / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(data),
            "RABBITMQ_LOG_BASE": str(data),
            "RABBITMQ_PID_FILE": str(data / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(data / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.ports["epmd"]),
        }

    def _haproxy(self) -> Path:
        text = (ROOT / "deploy/local/haproxy.cfg").read_text()
        for mark, name in {"@PORT@": "proxy", "@WEB_1@": "web-1", "@WEB_2@": "web-2"}.items():
            text = text.replace(mark, str(self.ports[name]))
        return self._write("haproxy.cfg", text)

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        return path


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _speaks_amqp(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return client.recv(1) != b""
    except OSError:
        return False


def _status(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


class _Asked(BaseException):
    """SIGTERM or Ctrl-C came."""


def main() -> None:
    """Run until asked to end; exit with 1 and a sentence where it cannot start or go on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / ".local" / "two-nodes")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--demo", action="store_true", help="make the demonstration's data")
    given = parser.parse_args()
    begun_s = time.monotonic()

    def say(line: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - begun_s:6.1f} s] {line}\n")
        sys.stdout.flush()

    def asked(*_: object) -> None:
        raise _Asked

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, asked)
    nodes = TwoNodes(given.folder.resolve(), given.port, say)
    try:
        nodes.prepare()
        nodes.run(demo=given.demo)
    except (CannotStartError, ChildFailed, postgres.PostgresError) as error:
        sys.exit(f"two-nodes: {error}")
    except _Asked:
        return


if __name__ == "__main__":
    main()
