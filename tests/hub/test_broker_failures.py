"""The embedded broker when something breaks: nothing is lost, nothing stalls, and what kills its worker is parked."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from hub import postgres
from hub.broker_session import Session
from tests.hub.broker_bench import LEASE_S, PostgresBench, until


def test_killed_worker_group_its_task_comes_again_after_the_lease(bench: PostgresBench) -> None:
    worker = bench.start()
    bench.send("slow", bench.file, "task", 1.5)
    bench.wait_for(1, within_s=5)
    bench.kill(worker)
    killed = time.monotonic()
    assert bench.rows("deliveries, visible_at > now()") == [(1, True)]
    bench.start()
    lines = bench.wait_for(3, within_s=LEASE_S + 6)
    assert time.monotonic() - killed > 1.5
    assert [line.split()[1] for line in lines] == ["begin", "begin", "end"]
    bench.wait_empty()


@pytest.mark.fault("F03")
def test_killed_child_its_task_runs_again(bench: PostgresBench) -> None:
    worker = bench.start()
    bench.send("slow", bench.file, "task", 1)
    child = int(bench.wait_for(1, within_s=5)[0].split()[2])
    assert child != worker.pid
    os.kill(child, signal.SIGKILL)
    lines = bench.wait_for(3, within_s=8)
    assert [line.split()[1] for line in lines] == ["begin", "begin", "end"]
    bench.wait_empty()


@pytest.mark.fault("F04")
def test_poison_is_parked_after_five_deliveries_and_the_worker_goes_on(bench: PostgresBench) -> None:
    bench.start()
    bench.send("dies", bench.file)
    bench.wait_for(5, within_s=20)
    bench.send("write", bench.file, "next")
    bench.wait_for(6, within_s=10)
    bench.wait_empty()
    assert bench.lines() == ["dies"] * 5 + ["next"]
    assert bench.rows("queue, deliveries, reason", "hub_brokerdead") == [(bench.queue(), 5, "deliveries")]


def test_unknown_task_is_parked_at_once(bench: PostgresBench) -> None:
    bench.start()
    bench.send("no_such_task")
    bench.send("write", bench.file, "next")
    bench.wait_for(1, within_s=5)
    bench.wait_empty()
    assert bench.rows("deliveries, reason", "hub_brokerdead") == [(1, "rejected")]


def test_failed_acknowledgement_frees_the_slot(bench: PostgresBench) -> None:
    bench.start(dsn=make_conninfo(bench.dsn, options="-c lock_timeout=200ms"))
    bench.send("slow", bench.file, "first", 1)
    bench.wait_for(1, within_s=5)
    with psycopg.connect(bench.owner_dsn) as connection:
        # While this lock is held, the worker's DELETE fails, its only slot is taken, and its connection is alive.
        connection.execute("SELECT FROM hub_brokermessage WHERE queue = %s FOR UPDATE", (bench.queue(),))
        bench.wait_for(2, within_s=5)
        bench.send("write", bench.file, "second")
        assert bench.wait_for(3, within_s=3)[2] == "second"
        assert len(bench.rows("id")) == 1
    lines = bench.wait_for(5, within_s=LEASE_S + 6)
    assert [line.split()[0] for line in lines] == ["first", "first", "second", "first", "first"]
    bench.wait_empty()


def test_closing_gives_a_message_back_uncounted(bench: PostgresBench) -> None:
    bench.send("write", bench.file, "never run")
    with bench.app.connection_for_read() as connection:
        queue = bench.app.amqp.queues[bench.queue()].bind(connection.default_channel)
        assert queue.get().headers["task"] == "tests.hub.broker_tasks.write"
        assert bench.rows("deliveries, visible_at > now()") == [(1, True)]
        assert queue.get() is None
    assert bench.rows("deliveries, visible_at <= now()") == [(0, True)]


def test_child_of_a_process_leaves_the_parents_connection_alone(bench: PostgresBench) -> None:
    session = Session(bench.dsn, "luopan_platform")
    child = os.fork()
    if child == 0:
        try:
            session.execute("SELECT 1")
        except psycopg.InterfaceError:
            session.close()
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert session.execute("SELECT current_user::text").fetchone() == ("luopan_platform",)
    session.close()
    assert not session.usable


@pytest.fixture
def own_cluster(bench: PostgresBench) -> Iterator[tuple[Path, PostgresBench]]:
    """A cluster that may be stopped, with the broker's two tables, and a bench on it."""
    # Not in pytest's folder: a socket's path must be short.
    home = Path(tempfile.mkdtemp(prefix="luopan-broker-"))
    postgres.ensure_running(home)
    dump = [str(postgres.binaries() / "pg_dump"), "--schema-only", "-t", "hub_brokermessage", "-t", "hub_brokerdead"]
    tables = subprocess.run([*dump, bench.owner_dsn], check=True, capture_output=True).stdout
    place = {"host": str(postgres.socket_folder(home)), "dbname": "luopan"}
    owner = make_conninfo("", user="luopan_owner", **place)
    subprocess.run([postgres.binaries() / "psql", "-q", owner], input=tables, check=True, stdout=subprocess.DEVNULL)
    made = PostgresBench(bench.folder, place)
    yield home, made
    made.close()
    postgres.stop(home)
    shutil.rmtree(home)


@pytest.mark.fault("F09")
def test_database_away_for_four_seconds(own_cluster: tuple[Path, PostgresBench]) -> None:
    home, bench = own_cluster
    worker = bench.start()
    bench.send("slow", bench.file, "task", 3)
    bench.send("write", bench.file, "after")
    bench.wait_for(1, within_s=5)
    postgres.stop(home)
    time.sleep(4)
    postgres._start(home)
    back = time.monotonic()
    until(lambda: "after" in bench.lines() and "task end" in bench.lines(), within_s=15, what="both tasks")
    bench.wait_empty()
    assert worker.poll() is None
    print(f"back after {time.monotonic() - back:.1f} s")
