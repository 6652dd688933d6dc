"""The same tasks on RabbitMQ, where its server is installed: one node of our own, on loopback, ended afterwards."""

import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from hub.celery import DEAD_LETTERS, QUEUES, queues
from tests.hub.broker_bench import Bench, until

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy/rabbitmq"
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
pytestmark = pytest.mark.skipif(not SERVER.exists(), reason="no RabbitMQ server is installed here")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A node with its own name service; its URL."""
    folder = tmp_path_factory.mktemp("rabbitmq")
    port, names = free_port(), free_port()
    (folder / "plugins").write_text("[].")
    (folder / "definitions").mkdir()
    (folder / "definitions/00-users.json").write_text(json.dumps(users()))
    shutil.copy(CONFIGURATION / "10-luopan.json", folder / "definitions")
    # No plugins here, and whatever disk there is.
    lines = (CONFIGURATION / "rabbitmq.conf").read_text().splitlines(keepends=True)
    settings = "".join(line for line in lines if not line.startswith(("management.", "prometheus.", "disk_")))
    (folder / "rabbitmq.conf").write_text(settings.replace("/etc/rabbitmq/definitions.d", f"{folder}/definitions"))
    environment = {
        **os.environ,
        "HOME": str(folder), "RABBITMQ_NODENAME": f"luopan{port}@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port), "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_MNESIA_BASE": str(folder), "RABBITMQ_LOG_BASE": str(folder),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_PID_FILE": str(folder / "pid"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS": "127.0.0.1", "ERL_EPMD_PORT": str(names),
    }  # fmt: skip
    with (folder / "log.txt").open("wb") as output:
        service = subprocess.Popen(["epmd", "-port", str(names), "-address", "127.0.0.1"], stdout=output, stderr=output)
        server = subprocess.Popen([SERVER], env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        until(lambda: answers(port) or server.poll() is not None, within_s=120, what="RabbitMQ's start")
        assert server.poll() is None, (folder / "log.txt").read_text()
        yield f"amqp://guest:guest@127.0.0.1:{port}//"  # pragma: allowlist secret
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
        service.terminate()
        service.wait(10)


def users() -> dict[str, Any]:
    """What an operator writes beside deploy/rabbitmq, people by the hash of their password; and this test's host."""
    salt = os.urandom(4)

    def person(name: str) -> dict[str, Any]:
        digest = base64.b64encode(salt + hashlib.sha256(salt + name.encode()).digest()).decode()
        return {
            "name": name,
            "password_hash": digest,
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": [],
        }

    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [person("guest"), person("luopan")],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": "guest", "vhost": "/", **everything}],
    }


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return client.recv(1) != b""
    except OSError:
        return False


@pytest.fixture
def bench(node: str, tmp_path: Path) -> Iterator[Bench]:
    """Queues of this test at the node."""
    made = Bench(tmp_path, url=node)
    yield made
    made.close()


def count(bench: Bench, queue: str) -> int:
    with bench.app.connection_for_read() as connection:
        return int(connection.default_channel.queue_declare(queue=queue, passive=True).message_count)


def test_what_deploy_defines_is_what_workers_declare(node: str) -> None:
    """Another argument of a queue that is there already would end the worker: RabbitMQ compares each."""
    url = node.replace("guest:guest", "luopan:luopan").removesuffix("//") + "/luopan"
    with Celery(broker=url, set_as_current=False).connection_for_write() as connection:
        channel = connection.default_channel
        for queue in (DEAD_LETTERS, *queues(QUEUES)):
            assert channel.queue_declare(queue=queue.name, passive=True).message_count == 0, "it is there before us"
            bound: Any = queue
            bound.bind(channel).declare()
        exchange = queues(QUEUES)[0].exchange
        for name in QUEUES:
            message = channel.prepare_message("{}", content_encoding="utf-8")
            channel.basic_publish(message, exchange=exchange.name, routing_key=name)
        until(
            lambda: [channel.queue_declare(queue=name, passive=True).message_count for name in QUEUES] == [1, 1, 1],
            within_s=10, what="a message in each queue",
        )  # fmt: skip


def test_drains_each_task_once(bench: Bench) -> None:
    for number in range(60):
        bench.send("write", bench.file, str(number))
    bench.start()
    bench.wait_for(60, within_s=15)
    until(lambda: count(bench, bench.queue()) == 0, within_s=5, what="an empty queue")
    assert sorted(map(int, bench.lines())) == list(range(60))


@pytest.mark.fault("F03")
def test_killed_worker_group_its_task_comes_again(bench: Bench) -> None:
    worker = bench.start()
    bench.send("slow", bench.file, "task", 1.5)
    bench.wait_for(1, within_s=5)
    bench.kill(worker)
    bench.start()
    lines = bench.wait_for(3, within_s=10)
    assert [line.split()[1] for line in lines] == ["begin", "begin", "end"]


@pytest.mark.fault("F04")
def test_poison_goes_to_the_dead_letters_and_the_worker_goes_on(bench: Bench) -> None:
    bench.start()
    dead = count(bench, "dead")
    bench.send("dies", bench.file)
    until(lambda: count(bench, "dead") == dead + 1, within_s=60, what="a dead letter")
    bench.send("write", bench.file, "next")
    lines = until(lambda: "next" in bench.lines() and bench.lines(), within_s=10, what="the next task")
    assert lines.count("dies") == 6  # the first delivery and five more
    assert count(bench, bench.queue()) == 0


@pytest.mark.parametrize("_turn", range(3))  # celery sorts steps that do not ask for each other anew in each process
def test_countdown_starts_when_due(bench: Bench, _turn: int) -> None:
    bench.start()
    sent = time.time()
    bench.send("write_time", bench.file, countdown=2)
    assert 1.9 <= float(bench.wait_for(1, within_s=8)[0]) - sent < 4
    assert "Failed" not in (bench.folder / "worker0.log").read_text()  # each queue takes part in delayed delivery
