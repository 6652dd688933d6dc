#!/usr/bin/env python3
"""Base backups, a stream of the write-ahead log, and the way back to any moment between them. PostgreSQL 15 or newer.

    backup.py wal     --in FOLDER                     takes the log as it is written, until it is stopped
    backup.py base    --in FOLDER [--keep 7]          takes the whole cluster, verifies it, forgets the oldest
    backup.py restore --in FOLDER --into CLUSTER [--until 2026-11-23T09:59:59+08:00]
    backup.py stop    --into CLUSTER

FOLDER belongs on another machine's disk. The server is named by libpq's variables (PGHOST, PGUSER, PGPASSFILE and so
on); the role needs REPLICATION. `restore` starts a copy on a unix socket of its own and leaves the server alone. The
slot of `wal` keeps what FOLDER lacks: set `max_slot_wal_keep_size`, so that a receiver that is gone fills no disk.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[2] / "platform"))

from hub import postgres  # after the path

SLOT = "luopan_backup"
STAMP = "%Y%m%dT%H%M%SZ"
START_S = 24 * 3600
CLUSTER_MODE = 0o700


class BackupError(Exception):
    """It cannot be done; the message says why."""


def main() -> None:
    """Do what the words say; exit with 1 and a sentence where it cannot be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["wal", "base", "restore", "stop"])
    parser.add_argument("--in", dest="folder", type=Path)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--keep", type=int, default=7)
    parser.add_argument("--until", type=_moment)
    given = parser.parse_args()
    if (given.what != "stop" and not given.folder) or (given.what in {"restore", "stop"} and not given.into):
        parser.error("a folder is missing")
    try:
        if given.what == "wal":
            receive(given.folder)
        elif given.what == "base":
            _say(base=take(given.folder, keep=given.keep).name)
        elif given.what == "restore":
            _say(**restore(given.folder, given.into, given.until))
        else:
            stop(given.into)
    except (BackupError, postgres.PostgresError) as error:
        sys.exit(f"backup: {error}")


def receive(folder: Path) -> None:
    """Become the receiver of the log: each byte is on the disk here before the server hears that it is."""
    log = folder / "wal"
    log.mkdir(parents=True, exist_ok=True)
    program = str(postgres.binaries() / "pg_receivewal")
    _run(program, "--slot", SLOT, "--create-slot", "--if-not-exists")
    os.execv(program, [program, "--directory", str(log), "--slot", SLOT, "--synchronous"])  # noqa: S606 - no shell


def take(folder: Path, *, keep: int) -> Path:
    """Copy the cluster into FOLDER/base/<when it was done>, verify each file, and return the folder."""
    if keep < 1:
        raise BackupError("at least one backup is to be kept")
    bases, draft = folder / "base", folder / "base.draft"
    bases.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(draft, ignore_errors=True)
    words = ["--checkpoint", "fast", "--wal-method", "stream", "--manifest-checksums", "SHA256"]
    _run("pg_basebackup", "--pgdata", str(draft), *words)
    verify(draft)
    made = draft.rename(bases / datetime.now(UTC).strftime(STAMP))
    for old in sorted(bases.iterdir())[:-keep]:
        shutil.rmtree(old)
    if (folder / "wal").exists():
        _run("pg_archivecleanup", str(folder / "wal"), _first_segment(min(bases.iterdir())))
    return made


def verify(base: Path) -> None:
    """Compare every file with the manifest that the server wrote; OSError where one is missing."""
    manifest = json.loads((base / "backup_manifest").read_bytes())
    for entry in manifest["Files"]:
        path = base / entry["Path"]
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != entry["Checksum"]:
                raise BackupError(f"{path} is not as the server sent it")


def restore(folder: Path, cluster: Path, until: datetime | None) -> dict[str, object]:
    """Make a cluster as the server's was at `until` (None: the end of the log), and start it.

    Returns the seconds it took, the backup it began from, the commit it ends with, and where to connect.
    """
    begun = time.monotonic()
    base = _base_before(folder / "base", until)
    if cluster.exists():
        raise BackupError(f"{cluster} exists: name a folder that does not")
    verify(base)
    cluster.mkdir(mode=CLUSTER_MODE, parents=True)
    shutil.copytree(base, cluster / "data")
    (cluster / "data").chmod(CLUSTER_MODE)
    _prepare(cluster / "data", folder / "wal", until)
    _start(cluster)
    last = _ask(cluster, "SELECT pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC'")
    return {
        "rto_s": round(time.monotonic() - begun, 2),
        "base": base.name,
        "asked_for": until.isoformat() if until else None,
        "last_commit": f"{last.replace(' ', 'T')}+00:00" if last else None,
        "socket": str(postgres.socket_folder(cluster)),
    }


def stop(cluster: Path) -> None:
    """Stop a restored cluster."""
    _pg_ctl(cluster, "stop", "-m", "fast")


def _base_before(bases: Path, until: datetime | None) -> Path:
    found = sorted(bases.iterdir()) if bases.exists() else []
    usable = [base for base in found if until is None or _when(base) <= until]
    if not usable:
        raise BackupError(f"no backup in {bases} was complete by then: {[base.name for base in found]}")
    return usable[-1]


def _prepare(data: Path, log: Path, until: datetime | None) -> None:
    """Tell the copy where its log is and where to stop; add plain settings where the server keeps its own elsewhere."""
    # The segment that is still being written has a name of its own.
    fetch = f"cp {_file(log)}/%f %p 2>/dev/null || cp {_file(log)}/%f.partial %p"
    lines = [_setting("restore_command", fetch), "recovery_target_action = 'promote'"]
    if until:
        lines.append(_setting("recovery_target_time", until.isoformat()))
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))
    for name, content in {"postgresql.conf": "", "pg_hba.conf": "local all all trust\n", "pg_ident.conf": ""}.items():
        if not (data / name).exists():
            (data / name).write_text(content)
    (data / "recovery.signal").touch()


def _start(cluster: Path) -> None:
    socket = postgres.socket_folder(cluster)
    socket.mkdir(mode=CLUSTER_MODE, parents=True, exist_ok=True)
    # No TCP, no archiving into the server's archive, and no questions answered before the moment is reached.
    options = f"-h '' -k '{socket}' -c archive_mode=off -c hot_standby=off -c ssl=off"
    _pg_ctl(cluster, "start", "-t", str(START_S), "-l", str(cluster / "log"), "-o", options)
    ready = [str(postgres.binaries() / "pg_isready"), "--quiet", "--host", str(socket)]
    while subprocess.call(ready):  # it plays the log
        _pg_ctl(cluster, "status")
        time.sleep(0.2)


def _pg_ctl(cluster: Path, *words: str) -> None:
    program = [*postgres.as_user(), str(postgres.binaries() / "pg_ctl"), "-D", str(cluster / "data"), "-w"]
    # To a file and not a pipe: the server inherits it and would keep a pipe open for as long as it lives.
    with (cluster / "pg_ctl.log").open("w+") as output:
        code = subprocess.call([*program, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/")
    if code:
        log = cluster / "log"
        raise BackupError(f"pg_ctl {words[0]} failed:\n{log.read_text()[-2000:] if log.exists() else ''}")


def _ask(cluster: Path, query: str) -> str:
    words = ["--no-psqlrc", "--tuples-only", "--no-align", "--dbname", "postgres", "--command", query]
    user = os.environ.get("PGUSER", "postgres")
    return _run("psql", "--host", str(postgres.socket_folder(cluster)), "--username", user, *words).strip()


def _first_segment(base: Path) -> str:
    found = re.search(r"^START WAL LOCATION: \S+ \(file (\w+)\)", (base / "backup_label").read_text(), re.MULTILINE)
    if not found:
        raise BackupError(f"{base} has no readable backup_label")
    return found[1]


def _when(base: Path) -> datetime:
    return datetime.strptime(base.name, STAMP).replace(tzinfo=UTC)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError("write the moment with its offset, such as 2026-11-23T09:59:59+08:00")
    return moment


def _file(path: Path) -> str:
    return shlex.quote(str(path.resolve()).replace("%", "%%"))


def _setting(name: str, value: str) -> str:
    return "{} = '{}'".format(name, value.replace("'", "''"))


def _run(program: str, *words: str) -> str:
    command = [program if "/" in program else str(postgres.binaries() / program), *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"{Path(command[0]).name} failed: {done.stderr.strip()[-1000:]}")
    return done.stdout


def _say(**what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")


if __name__ == "__main__":
    main()
