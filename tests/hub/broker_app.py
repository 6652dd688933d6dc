"""A Celery app with the platform's own settings, short leases and the queues of one test."""

import os

from celery import Celery

from hub.celery import DeclareQueues, configuration, queues

PREFIX = os.environ.get("BROKER_TEST_PREFIX", "")


def make(url: str, dsn: str, prefix: str, **options: object) -> Celery:
    """Return an app whose queues are `prefix` + default, delivery and training; the rest is for the embedded broker."""
    # No fixups: the queue is tested without Django in the worker, which starts four times as fast.
    app = Celery("broker_test", fixups=[], set_as_current=False, include=["tests.hub.broker_tasks"])
    app.steps["consumer"].add(DeclareQueues)
    app.conf.update(configuration(url))
    own = {} if url else {"dsn": lambda: dsn, "django": False, **options}
    app.conf.update(
        broker_transport_options={**app.conf.broker_transport_options, **own},
        task_queues=queues(tuple(f"{prefix}{name}" for name in ("default", "delivery", "training"))),
        task_default_queue=f"{prefix}default",
        task_default_routing_key=f"{prefix}default",
    )
    return app


if PREFIX:
    app = make(
        os.environ["BROKER_TEST_URL"],
        os.environ["BROKER_TEST_DSN"],
        PREFIX,
        visibility_timeout=float(os.environ["BROKER_TEST_LEASE_S"]),
        polling_interval=float(os.environ["BROKER_TEST_POLL_S"]),
    )
    app.conf.worker_lost_wait = 0.3
    app.set_default()
