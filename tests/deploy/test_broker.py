"""RabbitMQ's definitions say what the workers declare. tests/hub/test_broker_rabbitmq.py starts a node with them."""

import re
from typing import Any

from hub.celery import DEAD_LETTERS, LONGEST_TASK_S, QUEUES, queues
from tests.deploy.files import DEPLOY, document

FOLDER = DEPLOY / "rabbitmq"
DEFINED = document(FOLDER / "10-luopan.json")


def test_queues_and_dead_letters_are_those_of_the_workers() -> None:
    declared: dict[str, Any] = {queue.name: queue for queue in (*queues(QUEUES), DEAD_LETTERS)}
    assert {one["name"]: one["arguments"] for one in DEFINED["queues"]} == {
        name: queue.queue_arguments for name, queue in declared.items()
    }
    assert {(one["name"], one["type"]) for one in DEFINED["exchanges"]} == {
        (queue.exchange.name, queue.exchange.type) for queue in declared.values()
    }
    assert {(one["source"], one["destination"], one["routing_key"]) for one in DEFINED["bindings"]} == {
        (queue.exchange.name, name, queue.routing_key) for name, queue in declared.items()
    }
    assert all(one["durable"] and not one["auto_delete"] for one in (*DEFINED["queues"], *DEFINED["exchanges"]))
    for queue in declared.values():
        assert (queue.durable, queue.auto_delete, queue.exchange.durable) == (True, False, True)


def test_everything_lies_in_one_host_without_users() -> None:
    [host] = DEFINED["vhosts"]
    parts = [one for name in ("permissions", "exchanges", "queues", "bindings") for one in DEFINED[name]]
    assert {one["vhost"] for one in parts} == {host["name"]}
    assert "users" not in DEFINED, "passwords come from the operator"


def test_the_server_waits_for_the_longest_task() -> None:
    text = (FOLDER / "rabbitmq.conf").read_text()
    settings = dict(re.findall(r"^([a-z_.]+) = (.*)$", text, re.MULTILINE))
    assert int(settings["consumer_timeout"]) == (LONGEST_TASK_S + 600) * 1000
    assert settings["load_definitions"] == "/etc/rabbitmq/definitions.d"
    plugins = re.findall(r"rabbitmq_\w+", (FOLDER / "enabled_plugins").read_text())
    assert plugins == ["rabbitmq_management", "rabbitmq_prometheus"]
