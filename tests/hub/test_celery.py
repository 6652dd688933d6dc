"""The Celery app as an operator starts it, and its settings for each broker."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hub.celery import QUEUES, WORKER_FLAGS, app, configuration
from tests.hub.broker_bench import ROOT, PostgresBench, until


class Command:
    """One `celery -A hub …`, as the platform's own settings have it."""

    def __init__(self, folder: Path, dsn: str, *words: str) -> None:
        self.log = folder / "log.txt"
        environment = {**os.environ, "BROKER_DSN": dsn, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'platform'}"}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "hub", *words], env=environment, cwd=folder,
                stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


@pytest.fixture
def clean(bench: PostgresBench) -> Iterator[PostgresBench]:
    """Leave nothing in the platform's own queues."""
    yield bench
    with psycopg.connect(bench.owner_dsn) as connection:
        connection.execute("DELETE FROM hub_brokermessage WHERE queue = ANY(%s)", (list(QUEUES),))


@pytest.mark.django_db(transaction=True)
def test_the_platforms_worker_runs_a_task_and_stops(clean: PostgresBench) -> None:
    with app.connection_for_write() as connection:
        app.send_task("tests.hub.broker_tasks.write", (clean.file, "done"), queue="delivery", connection=connection)
    words = ("worker", "-Q", ",".join(QUEUES), "-c", "1", "-I", "tests.hub.broker_tasks", "-n", "own@test")
    worker = Command(clean.folder, clean.dsn, *words, *WORKER_FLAGS)
    try:
        until(lambda: clean.lines() or worker.process.poll() is not None, within_s=40, what="the task's run")
    finally:
        code = worker.stop()
    assert clean.lines() == ["done"], worker.log.read_text()
    assert code == 0
    with psycopg.connect(clean.owner_dsn) as connection:
        assert connection.execute("SELECT id FROM hub_brokermessage WHERE queue = 'delivery'").fetchall() == []


def test_beat_starts_keeps_no_file_and_stops(clean: PostgresBench, tmp_path: Path) -> None:
    beat = Command(tmp_path, clean.dsn, "beat", "-l", "INFO")
    try:
        until(
            lambda: b"beat: Starting" in beat.log.read_bytes() or beat.process.poll() is not None,
            within_s=40, what="beat's start",
        )  # fmt: skip
    finally:
        code = beat.stop()
    assert b"beat: Starting" in beat.log.read_bytes(), beat.log.read_text()
    assert code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["log.txt"]


def test_importing_the_app_reads_no_settings() -> None:
    program = "import sys, hub.celery; assert 'hub.settings' not in sys.modules; print(hub.celery.app.main)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "platform")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "luopan\n"


def test_every_broker_loses_nothing_and_takes_json_only() -> None:
    for url in ("", "amqp://guest@broker", "amqps://guest@broker", "redis://broker/0", "rediss://broker/0"):
        settings = configuration(url)
        assert settings["task_acks_late"] is settings["task_reject_on_worker_lost"] is True
        assert settings["worker_prefetch_multiplier"] == 1
        assert settings["accept_content"] == ["json"]
        assert settings["task_soft_time_limit"] < settings["task_time_limit"] < 1800
        assert [queue.name for queue in settings["task_queues"]] == ["default", "delivery", "training"]


def test_the_embedded_broker_is_the_default() -> None:
    settings = configuration("")
    assert settings["broker_transport"] == "hub.broker:Transport"
    assert settings["broker_transport_options"]["visibility_timeout"] == 60
    assert settings["broker_transport_options"]["max_deliveries"] == 5
    assert settings["worker_enable_remote_control"] is settings["worker_send_task_events"] is False


def test_rabbitmq_gets_quorum_queues_with_a_delivery_limit_and_confirmed_publishing() -> None:
    settings = configuration("amqp://guest@broker")
    assert "broker_transport" not in settings
    assert settings["broker_transport_options"] == {"confirm_publish": True}
    assert settings["worker_detect_quorum_queues"] is True
    for queue in settings["task_queues"]:
        assert queue.queue_arguments["x-queue-type"] == "quorum"
        assert queue.queue_arguments["x-delivery-limit"] == 5
        assert queue.queue_arguments["x-dead-letter-exchange"] == "dlx"


def test_redis_waits_longer_than_the_longest_task() -> None:
    options = configuration("redis://broker/0")["broker_transport_options"]
    assert options["visibility_timeout"] > 6 * 3600
    assert options["unacked_restore_throttle"] == 1


def test_another_broker_is_refused() -> None:
    with pytest.raises(ValueError, match="CELERY_BROKER_URL begins with 'kafka'"):
        configuration("kafka://broker")
