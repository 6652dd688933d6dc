"""F24, F25: a disk is full: what was acknowledged is there, the rest is refused by 503, and it goes on once freed."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.faults.cluster import Cluster
from tests.faults.load import Load, assert_polite, assert_settled
from tests.risk.factories import MAPPING, book_bytes, lines
from tests.stack import Answer, Stack, until

MB = 1_000_000
needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[None]:
    """Mount a disk of this size over a folder, with what lies in it."""
    aside = place.with_name(f"{place.name}.aside")
    place.rename(aside)
    place.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", place], check=True)
    try:
        shutil.copytree(aside, place, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path, leave: int) -> Path:
    """Fill the disk but for `leave` bytes; return the file to be removed."""
    ballast = place / "ballast"
    ballast.write_bytes(bytes(max(0, shutil.disk_usage(place).free - leave)))
    return ballast


@needs_mount
@pytest.mark.fault("F24", heavy=True)
def test_disk_of_the_write_ahead_log_full(cluster: Cluster, on_cluster: Stack) -> None:
    cluster.stop()
    with small_disk(cluster.home / "postgres" / "pg_wal", 200):
        cluster.start()
        address = on_cluster.web()
        with Load(cluster.world.authorization, [address]) as load:
            until(lambda: len(load.acknowledged) > 20, within_s=60, what="load")
            ballast = fill(cluster.home / "postgres" / "pg_wal", leave=MB)
            begun_s = time.monotonic()
            for _ in range(20):  # each needs a new file of the log
                try:
                    cluster.ask("SELECT pg_logical_emit_message(true, 'fault', repeat('x', 100000))")
                    cluster.ask("SELECT pg_switch_wal()")
                except psycopg.OperationalError:
                    break
            until(lambda: any(told.status == 503 for told in load.since(begun_s)), within_s=30, what="503")
            time.sleep(3)
            ballast.unlink()
            cluster.stop("immediate")
            cluster.start()
            known = len(load.acknowledged)
            until(lambda: len(load.acknowledged) > known + 50, within_s=60, what="work goes on")
        assert_polite(load.since(begun_s))
        assert_settled(load, cluster)
        cluster.check_invariants()
        on_cluster.close()
        cluster.stop("immediate")


@needs_mount
@pytest.mark.fault("F25", heavy=True)
def test_disk_of_uploads_full(cluster: Cluster, on_cluster: Stack) -> None:
    uploads = cluster.home / "uploads"
    uploads.mkdir()
    with small_disk(uploads, 4):
        address = on_cluster.web()
        ballast = fill(uploads, leave=100_000)
        book = book_bytes(lines(20_000))
        assert len(book) > 200_000
        refused = upload(cluster, on_cluster, address, book)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "60"), refused.body
        assert list((uploads / "books").iterdir()) == []
        assert cluster.count("learning_loanbook") == 0
        scores = Load(cluster.world.authorization, [address], threads=1)
        with scores:
            until(lambda: len(scores.acknowledged) > 5, within_s=30, what="others are served")
        ballast.unlink()
        taken = upload(cluster, on_cluster, address, book)
        assert taken.status == 202, taken.body
        [kept] = (uploads / "books").iterdir()
        assert kept.read_bytes() == book
        on_cluster.close()
    cluster.check_invariants()


def upload(cluster: Cluster, stack: Stack, address: str, book: bytes) -> Answer:
    edge = "fault-25"
    fields = {"mapping": MAPPING, "line": b"own"}
    parts = [f'--{edge}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n'.encode() + v for k, v in fields.items()]
    parts.append(f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="b.csv"\r\n\r\n'.encode() + book)
    body = b"\r\n".join([*parts, f"--{edge}--\r\n".encode()])
    headers = {
        "Authorization": cluster.world.authorization, "Idempotency-Key": "one-book",
        "Content-Type": f"multipart/form-data; boundary={edge}",
    }  # fmt: skip
    return stack.ask("POST", f"{address}/api/v1/loan-books", body, headers)
