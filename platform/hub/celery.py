"""The Celery app. One URL chooses the broker: unset, the application's PostgreSQL; else RabbitMQ or Redis.

A task names its queue and, where it may take longer than the default, its time limits on its own decorator:
`@shared_task(queue="training", soft_time_limit=…, time_limit=…)`. Every task may run twice, and twice at once.
"""

import os
from typing import Any

from celery import Celery, bootsteps
from kombu.entity import Exchange, Queue

from hub.schedule import SCHEDULE

QUEUES = ("default", "delivery", "training")
LONGEST_TASK_S = 6 * 3600
# Mingle and gossip need a fanout, and the heartbeat a second connection, that the embedded broker has no use for.
WORKER_FLAGS = ("--without-gossip", "--without-mingle", "--without-heartbeat")
DEAD_LETTERS = Queue("dead", Exchange("dlx", "direct"), routing_key="dead", queue_arguments={"x-queue-type": "quorum"})
_QUORUM = {
    "x-queue-type": "quorum",
    "x-delivery-limit": 5,
    "x-dead-letter-exchange": "dlx",
    "x-dead-letter-routing-key": "dead",
    "x-consumer-timeout": (LONGEST_TASK_S + 600) * 1000,
}
COMMON: dict[str, Any] = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_ignore_result": True,
    "task_soft_time_limit": 1200,
    "task_time_limit": 1260,
    "task_serializer": "json",
    "accept_content": ["json"],
    "task_default_queue": "default",
    "task_default_exchange": "tasks",
    "task_default_exchange_type": "topic",
    "task_default_routing_key": "default",
    "task_create_missing_queues": False,
    "worker_prefetch_multiplier": 1,
    "worker_max_tasks_per_child": 200,
    "worker_hijack_root_logger": False,
    # RabbitMQ locks its queue to one connection: a second worker of the same host and queues could not start, nor the
    # first come back before its broken connection has been missed.
    "worker_enable_remote_control": False,
    # A lost connection hands the task to somebody else, so it may not go on here.
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_pool_limit": 2,
    "beat_scheduler": "celery.beat:Scheduler",
    "beat_schedule": SCHEDULE,
    "timezone": "UTC",
}


def configuration(url: str) -> dict[str, Any]:
    """Return Celery's settings for the broker at `url`; the empty string is the embedded one."""
    return {**COMMON, **_broker(url), "task_queues": queues(QUEUES)}


def queues(names: tuple[str, ...]) -> list[Queue]:
    """Declare queues on the one topic exchange, each under its own name; only RabbitMQ reads the arguments."""
    exchange = Exchange("tasks", "topic")
    return [Queue(name, exchange, routing_key=name, queue_arguments=_QUORUM) for name in names]


def broker_dsn() -> str:
    """Return the conninfo of the broker's own connection, and see to it that the embedded server runs.

    LISTEN does not pass a pooler: behind one, the setting BROKER_DSN names the server itself.
    """
    from django.conf import settings
    from django.db import connections
    from psycopg.conninfo import make_conninfo

    from hub import postgres

    if settings.BROKER_DSN:
        return str(settings.BROKER_DSN)
    if settings.EMBEDDED_POSTGRES:
        postgres.ensure_running(settings.LUOPAN_HOME)
    names = {"HOST": "host", "PORT": "port", "NAME": "dbname", "USER": "user", "PASSWORD": "password"}
    place = connections["default"].settings_dict
    parts = {ours: place[theirs] for theirs, ours in names.items() if place.get(theirs)}
    driver = {name: value for name, value in place["OPTIONS"].items() if isinstance(value, str)}
    return make_conninfo("", **parts, **driver)


def _broker(url: str) -> dict[str, Any]:
    scheme = url.partition("://")[0]
    if not url:
        return _embedded()
    if scheme in {"amqp", "amqps"}:
        return {
            "broker_url": url,
            "task_default_queue_type": "quorum",
            "worker_detect_quorum_queues": True,
            "broker_heartbeat": 30,
            "broker_transport_options": {"confirm_publish": True},
        }
    if scheme in {"redis", "rediss"}:
        # Its leases are not renewed, so they must outlast the longest task.
        options = {"visibility_timeout": LONGEST_TASK_S + 600, "unacked_restore_interval": 10}
        return {"broker_url": url, "broker_transport_options": {**options, "unacked_restore_throttle": 1}}
    raise ValueError(f"CELERY_BROKER_URL begins with {scheme!r}: write amqp(s) or redis(s), or leave it empty.")


def _embedded() -> dict[str, Any]:
    return {
        "broker_url": "postgresql://database",
        "broker_transport": "hub.broker:Transport",
        "broker_transport_options": {
            "dsn": broker_dsn,
            "role": "luopan_platform",
            "visibility_timeout": 60,
            "max_deliveries": 5,
            "polling_interval": 1.0,
            "django": True,
        },
        "worker_lost_wait": 1.0,
        "worker_send_task_events": False,
    }


class DeclareQueues(bootsteps.StartStopStep):  # type: ignore[misc]  # celery has no types
    """Makes RabbitMQ's queues before a worker consumes its own.

    Messages sent to a dead-letter exchange that is not there are lost, and delayed delivery is refused to every queue
    as long as one of them is missing.
    """

    requires = ("celery.worker.consumer.connection:Connection",)

    def include_if(self, consumer: Any) -> bool:
        """Only for RabbitMQ: the embedded broker needs no declaration and parks messages in a table of its own."""
        return bool(consumer.app.connection_for_write().transport.driver_type == "amqp")

    def include(self, parent: Any) -> bool:
        """Take the place right after the connection: delayed delivery, which binds the queues, does not ask for us."""
        from celery.worker.consumer.connection import Connection

        included = bool(super().include(parent))
        if included:
            parent.steps.remove(self)
            after = next(i for i, step in enumerate(parent.steps, 1) if isinstance(step, Connection))
            parent.steps.insert(after, self)
        return included

    def start(self, consumer: Any) -> None:
        """Declare all of them on the worker's own connection."""
        channel = consumer.connection.default_channel
        for queue in (DEAD_LETTERS, *consumer.app.conf.task_queues):
            queue.bind(channel).declare()


def _configured() -> dict[str, Any]:
    from django.conf import settings

    return configuration(settings.CELERY_BROKER_URL)


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
app = Celery("luopan")
app.add_defaults(_configured)  # called at the first use: importing this module reads no settings
app.steps["consumer"].add(DeclareQueues)
app.autodiscover_tasks()
