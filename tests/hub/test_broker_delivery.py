"""The embedded broker when all goes well: each task once, soon, when it is due, from the queue that was asked for."""

import itertools
import os
import signal
import statistics
import time

import pytest

from tests.hub.broker_bench import PostgresBench, until


def test_drains_three_queues_each_task_once(bench: PostgresBench) -> None:
    names = ("default", "delivery", "training")
    for number, name in zip(range(60), itertools.cycle(names), strict=False):
        bench.send("write", bench.file, str(number), queue=name)
    bench.start(*names, concurrency=2)
    bench.wait_for(60, within_s=8)
    bench.wait_empty()
    assert sorted(map(int, bench.lines())) == list(range(60))


def test_idle_worker_is_woken_by_the_message(bench: PostgresBench) -> None:
    bench.start(poll_s=30)
    delays = []
    for _ in range(7):
        time.sleep(0.1)
        before, sent = len(bench.lines()), time.time()
        bench.send("write_time", bench.file)
        delays.append(float(bench.wait_for(before + 1, within_s=5)[-1]) - sent)
    assert statistics.median(delays) < 0.25


def test_countdown_starts_when_due_and_is_not_held_by_a_worker_before(bench: PostgresBench) -> None:
    bench.start()
    sent = time.time()
    bench.send("write_time", bench.file, countdown=2)
    time.sleep(1)
    assert bench.rows("deliveries, visible_at > now() + interval '0.5 s'") == [(0, True)]
    assert 1.99 <= float(bench.wait_for(1, within_s=5)[0]) - sent < 2.7
    bench.wait_empty()


def test_short_tasks_pass_a_long_one_in_training(bench: PostgresBench) -> None:
    bench.start("training")
    bench.start("default", "delivery")
    bench.send("slow", bench.file, "long", 6, queue="training")
    bench.wait_for(1, within_s=5)
    for number in range(20):
        bench.send("write", bench.file, str(number))
    lines = bench.wait_for(21, within_s=5)
    assert "long end" not in lines
    assert lines[0].startswith("long begin")


@pytest.mark.fault("F12")
def test_task_longer_than_its_lease_starts_once_with_two_workers(bench: PostgresBench) -> None:
    bench.start()
    bench.start()
    bench.send("slow", bench.file, "long", 5)
    lines = bench.wait_for(2, within_s=10)
    bench.wait_empty()
    assert [line.split()[:2] for line in lines] == [["long", "begin"], ["long", "end"]]


def test_a_task_sends_another_from_the_workers_child(bench: PostgresBench) -> None:
    worker = bench.start()
    for _ in range(2):
        bench.send("sends_another", bench.file, bench.queue())
    assert bench.wait_for(2, within_s=5) == ["sent by a child"] * 2
    bench.wait_empty()
    assert worker.poll() is None


def test_sigterm_finishes_the_running_task_and_leaves_the_waiting_one_uncounted(bench: PostgresBench) -> None:
    worker = bench.start()
    bench.send("slow", bench.file, "first", 2)
    bench.wait_for(1, within_s=5)
    bench.send("write", bench.file, "second")
    bench.send("write", bench.file, "third")
    os.kill(worker.pid, signal.SIGTERM)
    assert until(lambda: worker.poll() is not None, within_s=8, what="the worker's end")
    assert worker.returncode == 0
    assert [line.split()[1] for line in bench.lines()] == ["begin", "end"]
    assert bench.rows("deliveries, visible_at <= now()") == [(0, True), (0, True)]


def test_sigquit_gives_the_running_task_back_at_once_and_uncounted(bench: PostgresBench) -> None:
    worker = bench.start()
    bench.send("slow", bench.file, "task", 60)
    bench.wait_for(1, within_s=5)
    os.kill(worker.pid, signal.SIGQUIT)
    until(lambda: worker.poll() is not None, within_s=8, what="the worker's end")
    assert bench.rows("deliveries, visible_at <= now()") == [(0, True)]
