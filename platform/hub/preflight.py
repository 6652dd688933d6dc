"""What must hold before `manage.py up` starts anything: each fault is one sentence that names the remedy."""

import fcntl
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import Error, connections
from psycopg.conninfo import make_conninfo

from hub import postgres, probes
from hub.db.base import refuse_unsafe_role


class StartError(Exception):
    """Luopan cannot start here; the message says why and what to do."""


def claim_home(home: Path) -> int:
    """Claim the data folder for this process and return the open lock; `StartError` where another `up` has it."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StartError(
            f"Cannot write the data folder {home} ({error.strerror}): free it, or set LUOPAN_HOME to another."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock, 100).decode(errors="replace").strip()
        raise StartError(f"Luopan already runs from {home} ({holder}): stop it, or set LUOPAN_HOME.") from error
    os.ftruncate(lock, 0)
    os.write(lock, f"process {os.getpid()}, {settings.PUBLIC_URL}".encode())
    return lock


def check_disk(home: Path) -> None:
    """Refuse to start on a disk with less than LUOPAN_FREE_MB megabytes left: PostgreSQL would stop half-way."""
    free_mb = shutil.disk_usage(home).free // 1_000_000
    if free_mb < settings.FREE_MB:
        raise StartError(
            f"The disk of {home} is full: {free_mb} MB are free and {settings.FREE_MB} are needed. "
            "Free some space, or set LUOPAN_HOME to a folder on another disk."
        )


def check_port(address: str, port: int) -> None:
    """Refuse a port somebody listens on. The web server itself would share it without a word."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            raise StartError(
                f"Cannot listen on {address}:{port} ({error.strerror}): stop what listens there, "
                f"or set LUOPAN_PORT to another, such as LUOPAN_PORT={port + 1}."
            ) from error


def check_database() -> None:
    """Start the embedded server where it is the one to be used, connect once, and refuse an unsafe role."""
    if settings.EMBEDDED_POSTGRES:
        postgres.ensure_running(settings.LUOPAN_HOME)
    names = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    place = connections["default"].settings_dict
    conninfo = make_conninfo("", **{ours: place[theirs] for theirs, ours in names.items() if place.get(theirs)})
    try:
        with psycopg.connect(conninfo, connect_timeout=10) as connection:
            refuse_unsafe_role(connection)
    except psycopg.OperationalError as error:
        raise StartError(f"The database cannot be reached: {_first_line(error)}. Look at DATABASE_URL.") from error


def migrate(say: Callable[[str], None]) -> None:
    """Apply the migrations that are missing, as the owner of the tables."""
    missing = probes.missing_migrations()
    if not missing:
        return
    if not settings.DATABASE_OWNER:
        raise StartError(
            f"The database lacks {len(missing)} migrations, and DATABASE_OWNER_URL is not set: set it, or run "
            "`manage.py migrate` where it is set."
        )
    say(f"applying {len(missing)} migrations")
    try:
        call_command("migrate", verbosity=0, interactive=False)
    except Error as error:
        raise StartError(
            f"The migrations cannot be applied: {_first_line(error)}. On a server of your own, run "
            "platform/hub/sql/roles.sql first."
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
