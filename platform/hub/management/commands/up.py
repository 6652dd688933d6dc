"""`manage.py up`: everything that Luopan needs on one machine, as children of one process."""

import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand
from django.db import connections

from hub import postgres, preflight, probes
from hub.celery import QUEUES
from hub.supervisor import ChildFailed, Supervisor

PAGES = (("loan pages", "/apply/"), ("console", "/console/"), ("API reference", "/api/docs/"), ("state", "/readyz"))
WEB_S = 120.0
DEMO_S = 900.0
TICK_S = 0.2
DATABASE_S = 3.0


class _Asked(BaseException):
    """SIGTERM or Ctrl-C came: unwinds whatever runs just then."""


class Command(BaseCommand):
    """Check, start, watch, stop."""

    help = "Start the database, web, workers and beat; stop all of them on Ctrl-C or SIGTERM."
    requires_system_checks = ()

    def handle(self, *_: Any, **__: Any) -> None:
        """Run until asked to end; exits with 1 and a sentence where it cannot start or go on."""
        self.begun_s = time.monotonic()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _ask)
        try:
            self._prepare()
            self._run()
        except (preflight.StartError, ChildFailed, postgres.PostgresError) as error:
            sys.exit(f"luopan: {error}")
        except _Asked:
            self.say("stopped before it was up")

    def say(self, line: str) -> None:
        """Print one line with the seconds since the start."""
        self.stdout.write(f"[{time.monotonic() - self.begun_s:6.1f} s] {line}")
        self.stdout.flush()

    def _prepare(self) -> None:
        home = settings.LUOPAN_HOME
        self.lock = preflight.claim_home(home)
        preflight.check_disk(home)
        preflight.check_port(settings.BIND, settings.PORT)
        preflight.check_database()
        self.say("database: " + (f"embedded, in {home}" if settings.EMBEDDED_POSTGRES else "DATABASE_URL"))
        preflight.migrate(self.say)
        connections.close_all()
        connections["default"].close_pool()  # type: ignore[attr-defined]  # the PostgreSQL backend's

    def _run(self) -> None:
        supervisor = Supervisor(settings.BASE_DIR, settings.LUOPAN_HOME / "log", self.say)
        try:
            self._start(supervisor)
            while True:
                self._look_after_database()
                look_again_s = time.monotonic() + DATABASE_S
                while time.monotonic() < look_again_s:
                    supervisor.look()
                    time.sleep(TICK_S)
        except _Asked:
            self.say("stopping")
            _again_means_now()
            supervisor.stop()
            self.say("stopped")
        finally:
            supervisor.kill()

    def _look_after_database(self) -> None:
        if settings.EMBEDDED_POSTGRES and postgres.revive(settings.LUOPAN_HOME):
            self.say("the database had died: it is started again")

    def _start(self, supervisor: Supervisor) -> None:
        supervisor.start("web", "web", environment={"OMP_NUM_THREADS": "1"})
        demo = supervisor.start("demo", "demo", once=True) if settings.DEMO and "demo" in get_commands() else None
        self.say(f"starting web; logs in {supervisor.logs}")
        # One after the other: they would only slow each other down, and pages are what people wait for.
        self._wait(supervisor, lambda: _get("/livez")[0] == 200, within_s=WEB_S, what="the web server does not answer")
        self.say(f"web answers; starting beat and the workers {', '.join(QUEUES)}")
        for queue in QUEUES:
            supervisor.start(queue, "worker", queue)
        supervisor.start("beat", "beat")
        if demo:
            self._wait(supervisor, lambda: demo.done, within_s=DEMO_S, what="the demo data took too long")
            supervisor.start("market", "demo", "--grow", once=True)  # goes on while people look around
        self._tell_where()

    def _wait(self, supervisor: Supervisor, done: Callable[[], bool], *, within_s: float, what: str) -> None:
        deadline_s = time.monotonic() + within_s
        while not done():
            supervisor.look()
            if time.monotonic() > deadline_s:
                raise ChildFailed(f"{what} within {within_s:g} s; look at the logs in {supervisor.logs}")
            time.sleep(TICK_S)

    def _tell_where(self) -> None:
        status, body = _get("/readyz")
        self.say("Luopan is up" if status == 200 else f"Luopan is up, but not ready: {_faults(body)}")
        for name, path in PAGES:
            self.stdout.write(f"    {name:14} {settings.PUBLIC_URL}{path}")
        if settings.DEMO and "demo" in get_commands():
            call_command("demo", sign_ins=True, stdout=self.stdout)  # to the terminal, never to a log
        self.stdout.write("Ctrl-C stops everything.")
        self.stdout.flush()


def _ask(_number: int, _frame: FrameType | None) -> None:
    raise _Asked


def _again_means_now() -> None:
    """Let a second Ctrl-C end this process at once: its guard kills the rest."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _faults(body: bytes) -> str:
    try:
        parts: dict[str, str] = json.loads(body)["parts"]
    except (ValueError, KeyError):
        return "see /readyz"
    return "; ".join(f"{name}: {state}" for name, state in parts.items() if state != probes.OK)


def _get(path: str) -> tuple[int, bytes]:
    everywhere = not settings.BIND.strip("0.:")  # all addresses of the machine, of either kind
    host = "localhost" if everywhere else settings.BIND
    connection = http.client.HTTPConnection(host, settings.PORT, timeout=3)
    try:
        connection.request("GET", path, headers={"Host": _host()})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _host() -> str:
    first = settings.ALLOWED_HOSTS[0] if settings.ALLOWED_HOSTS else "localhost"
    return "localhost" if first == "*" else first.lstrip(".")
