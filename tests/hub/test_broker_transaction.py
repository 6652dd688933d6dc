"""A task sent inside Django's transaction belongs to it: no message after a rollback, one after the commit."""

from uuid import uuid4

import psycopg
import pytest
from celery import Celery
from django.db import transaction

from hub.broker import doorbell
from hub.models import BrokerMessage
from hub.tenancy import platform_scope, tenant_scope
from tests.copied import as_superuser
from tests.hub.broker_bench import PostgresBench

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sender(bench: PostgresBench) -> Celery:
    """The bench's app, for which transactions count."""
    return bench.make_app(django=True)


def test_rollback_leaves_no_message(bench: PostgresBench, sender: Celery) -> None:
    with platform_scope():
        bench.send("write", bench.file, "once", sender=sender)
        assert BrokerMessage.objects.filter(queue=bench.queue()).count() == 1
        transaction.set_rollback(True)
    assert bench.rows("id") == []


def test_commit_shows_the_message_to_others_and_not_before(bench: PostgresBench, sender: Celery) -> None:
    with platform_scope():
        bench.send("write", bench.file, "once", sender=sender)
        assert bench.rows("id") == []
    assert bench.rows("deliveries") == [(0,)]


def test_commit_in_a_tenants_scope_sends_after_it_and_rollback_does_not(bench: PostgresBench, sender: Celery) -> None:
    with tenant_scope(uuid4()):
        bench.send("write", bench.file, "once", sender=sender)
        transaction.set_rollback(True)
    assert bench.rows("id") == []
    with tenant_scope(uuid4()):
        bench.send("write", bench.file, "once", sender=sender)
        assert bench.rows("id") == []
    assert bench.rows("deliveries") == [(0,)]


def test_rollback_to_a_savepoint_takes_the_message_with_it(bench: PostgresBench, sender: Celery) -> None:
    with platform_scope():
        with transaction.atomic():
            bench.send("write", bench.file, "once", sender=sender)
            transaction.set_rollback(True)
        bench.send("write", bench.file, "once", sender=sender)
    assert bench.rows("deliveries") == [(0,)]


def test_outside_a_transaction_it_is_sent_at_once(bench: PostgresBench, sender: Celery) -> None:
    bench.send("write", bench.file, "once", sender=sender)
    assert bench.rows("deliveries") == [(0,)]


def test_commit_rings_for_the_worker(bench: PostgresBench, sender: Celery) -> None:
    with psycopg.connect(bench.owner_dsn, autocommit=True) as listener:
        listener.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(doorbell(bench.queue()))))
        with platform_scope():
            bench.send("write", bench.file, "once", sender=sender)
            assert list(listener.notifies(timeout=0.1)) == []
        assert [heard.channel for heard in listener.notifies(timeout=2, stop_after=1)] == [doorbell(bench.queue())]


def test_a_connection_that_was_lost_is_renewed_for_a_queue_it_has_not_seen(
    bench: PostgresBench, sender: Celery
) -> None:
    with sender.connection_for_write() as connection:
        for name in ("default", "training"):
            queue = bench.queue(name)
            sender.send_task("tests.hub.broker_tasks.write", (bench.file, name), queue=queue, connection=connection)
            lost = connection.default_channel.session._db.info.backend_pid
            as_superuser(f"SELECT pg_terminate_backend({lost}, 10000)")
    assert bench.rows("queue") == [(bench.queue("default"),), (bench.queue("training"),)]
