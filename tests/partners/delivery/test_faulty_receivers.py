"""Receivers fail in every way at once (F14, F15, F16): the schedule is kept, nobody else waits, nothing is lost."""

import ipaddress
import re
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from hub.tenancy import platform_scope
from partners.delivery import invariants
from partners.delivery.models import Delivery, WebhookEndpoint
from partners.delivery.outcomes import SLOW_S
from partners.delivery.sending import PER_ENDPOINT, QUICK, Sender
from partners.delivery.targets import Rules
from partners.delivery.transport import Answer, HttpTransport, Outgoing
from tests.harness import count
from tests.partners.delivery import world
from tests.partners.delivery.world import World
from tests.partners.misbehaving import (
    Certificate,
    Odd,
    certificate,
    cut_off,
    misbehaving,
    one_byte_a_second,
    silent_port,
    ten_gigabytes,
)
from tests.partners.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db

HOST = "hooks.example.com"
SCHEDULE_S = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
JITTER = 1.1
PATIENCE_S = count(1, soak=40) / 4  # real seconds for the receiver that would take all of them
INSIDE = Rules(network=ipaddress.ip_network("127.0.0.0/8"))  # what no operator may approve; here for a local https


@dataclass
class ToLoopback:
    """Sends for real; a name over https is found at the loopback. `endless` has a deadline of its own."""

    http: HttpTransport
    endless: str = ""

    def __call__(self, outgoing: Outgoing) -> Answer:
        http = replace(self.http, deadline_s=PATIENCE_S) if outgoing.url == self.endless else self.http
        return http(replace(outgoing, rules=INSIDE) if outgoing.url.startswith("https") else outgoing)


@dataclass
class Town:
    """Banks with one faulty receiver each and one bank that is well, all by one clock."""

    stack: ExitStack
    folder: Path
    trust: ssl.SSLContext
    well: World = field(default_factory=world.make)
    banks: dict[str, World] = field(default_factory=dict)
    tries: dict[str, list[Delivery]] = field(default_factory=lambda: defaultdict(list))

    def bank(self, name: str, receiver: Receiver | Odd, **allowed: Any) -> None:
        """Let a bank have this receiver, and one event that it is to be told."""
        made = world.make()
        listener = receiver if isinstance(receiver, Receiver) else Receiver(url=receiver.url)
        made.endpoint(listener, **allowed)
        listener.clock = self.well.now
        made.happen()
        self.banks[name] = made

    def certificates(self) -> list[Certificate]:
        """A right one, one of another name, one that has expired, and one that nobody knows."""
        known = [certificate(self.folder, HOST), certificate(self.folder, "other.example.com"),
                 certificate(self.folder, HOST, ended=True)]  # fmt: skip
        self.trust.load_verify_locations(cadata="".join(one.pem for one in known))
        return [*known, certificate(self.folder, HOST)]

    def secure(self, name: str, server: ssl.SSLContext) -> Receiver:
        """Let a bank have a receiver that speaks TLS, in a network that was approved."""
        receiver: Receiver = self.stack.enter_context(receiving(tls=server))
        receiver.url = receiver.url.replace("127.0.0.1", HOST)
        self.bank(name, receiver, approved_network="10.0.0.0/8", resolve=lambda _: ["10.0.0.5"])
        return receiver

    def rows(self) -> dict[str, Delivery]:
        """The one delivery of each bank."""
        names = {made.institution_id: name for name, made in self.banks.items()}
        with platform_scope():
            return {names[row.institution_id]: row for row in Delivery.objects.filter(institution_id__in=names)}

    def look(self) -> None:
        """Note which attempts there were since the last look."""
        for name, row in self.rows().items():
            if row.attempts > len(self.tries[name]):
                self.tries[name].append(row)

    def gaps_s(self, name: str) -> list[float]:
        """Seconds of the town's clock between the attempts of a bank."""
        at = [row.attempted_at for row in self.tries[name] if row.attempted_at]
        return [(then - before).total_seconds() for before, then in pairwise(at)]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    trust = ssl.create_default_context()
    with ExitStack() as stack:
        made = Town(stack, tmp_path, trust)
        made.well.transport = ToLoopback(HttpTransport(resolve=lambda _: ["127.0.0.1"], tls=trust))
        yield made


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def live_through(town: Town, *, moment: datetime, then: Callable[[], None]) -> None:
    """Move the clock from one due attempt to the next, past a moment at which something happens.

    A second before each the bank that is well is told something, and nothing else may be sent.
    """
    while waiting := [tries[-1].due_at for tries in town.tries.values() if tries[-1].state == "waiting"]:
        due = min(waiting)
        if town.well.moment < moment <= due:
            then()
        town.well.moment = max(due - timedelta(seconds=1), town.well.moment)
        town.well.happen()
        assert town.well.round() == 1
        town.well.moment = due
        assert town.well.send() >= 1
        town.look()


def told(receiver: Receiver | Odd) -> set[tuple[str, bytes]]:
    """The ids and bodies that a receiver was sent."""
    if isinstance(receiver, Receiver):
        assert {request.refusal for request in receiver.requests} <= {""}
        return {(request.id, request.body) for request in receiver.requests}
    return {(_header(head, "webhook-id"), body) for head, body in receiver.requests}


def _header(head: bytes, name: str) -> str:
    found = re.search(rb"\r\n" + name.encode() + rb": ([^\r]*)", head)
    assert found
    return found[1].decode()


@pytest.mark.fault("F14", "F15")
def test_every_fault_at_once_beside_a_bank_that_is_well(town: Town) -> None:
    start, stack, port = town.well.moment, town.stack, closed_port()
    taken: list[int] = []
    down = Receiver(url=f"http://127.0.0.1:{port}/hooks")
    trap = stack.enter_context(receiving())
    later = format_datetime(start + timedelta(hours=2 + 3), usegmt=True)
    throttling = [(429, {"Retry-After": "7200"}), (429, {"Retry-After": later})]
    receivers: dict[str, Receiver | Odd] = {
        "down for 6 h": down,
        "one byte a second": stack.enter_context(misbehaving(one_byte_a_second)),
        "redirecting": stack.enter_context(receiving(answers=[(302, {"Location": trap.url})] * 10)),
        "gone": stack.enter_context(receiving(answers=[410])),
        "throttling": stack.enter_context(receiving(answers=throttling)),
        "10 GB": stack.enter_context(misbehaving(ten_gigabytes(taken))),
        "cut off": stack.enter_context(misbehaving(cut_off)),
    }
    for name, receiver in receivers.items():
        town.bank(name, receiver)
    assert isinstance(town.well.transport, ToLoopback)
    town.well.transport.endless = receivers["one byte a second"].url
    right, wrong_name, expired, self_signed = town.certificates()
    for name, server in (("wrong name", wrong_name), ("expired", expired), ("self-signed", self_signed)):
        receivers[name] = town.secure(name, server.context)
    healthy = stack.enter_context(receiving())
    town.well.endpoint(healthy)

    def mend() -> None:
        receivers["down for 6 h"] = stack.enter_context(receiving(port=port, secrets=down.secrets, clock=town.well.now))
        for shown in (wrong_name, expired):
            shown.context.load_cert_chain(right.file)

    town.well.relay()
    assert town.well.send() == len(receivers)
    town.look()
    live_through(town, moment=start + timedelta(hours=6), then=mend)

    found = {
        name: ([row.last_fault or row.last_status for row in tries], tries[-1].state)
        for name, tries in town.tries.items()
    }
    assert found == {
        "down for 6 h": (["connection_failed"] * 5 + [204], "delivered"),
        "one byte a second": (["timeout"] * 10, "parked"),
        "redirecting": (["status"] * 10, "parked"),
        "gone": (["status"], "parked"),
        "throttling": (["status"] * 2 + [204], "delivered"),
        "10 GB": ([200], "delivered"),
        "cut off": (["answer_unreadable"] * 10, "parked"),
        "wrong name": (["tls_failed"] * 5 + [204], "delivered"),
        "expired": (["tls_failed"] * 5 + [204], "delivered"),
        "self-signed": (["tls_failed"] * 10, "parked"),
    }
    _each_by_the_schedule(town, receivers)
    assert trap.requests == []
    assert sum(taken) < 20_000_000, "the system's buffers took some of it, and no more was read than these 64 kB"
    _nobody_else_waited(town, healthy)
    with platform_scope():
        assert [(check.says, check.find().examples) for check in invariants.CHECKS if check.find().wrong] == []


def _each_by_the_schedule(town: Town, receivers: Mapping[str, Receiver | Odd]) -> None:
    """Every attempt came at its time, with the id and the body of the first."""
    assert town.gaps_s("throttling") == [7200, 10800]
    for name in receivers.keys() - {"throttling"}:
        for gap_s, wanted_s in zip(town.gaps_s(name), SCHEDULE_S, strict=False):
            assert wanted_s <= gap_s <= wanted_s * JITTER, name
    for name, receiver in receivers.items():
        row = town.tries[name][0]
        wanted = set() if name == "self-signed" else {(str(row.event_id), bytes(row.body))}
        assert told(receiver) == wanted, f"{name}: the same id and body at each attempt"


def _nobody_else_waited(town: Town, healthy: Receiver) -> None:
    """By the clock of the town what was to be sent was sent that very second, at the first attempt."""
    mine = [row for row in town.well.deliveries() if row.institution_id == town.well.institution_id]
    assert len(mine) > 50
    for row in mine:
        assert (row.state, row.attempts, row.attempted_at) == ("delivered", 1, row.created_at)
    assert [request.refusal for request in healthy.requests] == [""] * len(mine)


def lag_s(well: World, receiver: Receiver, *, until: Callable[[], bool] = lambda: True) -> float:
    """Real seconds from the beginning of sending until 24 new events have arrived; go on sending until something."""
    for _ in range(3 * PER_ENDPOINT):
        well.happen()
    well.relay()
    wanted, begun_s = len(receiver.requests) + 3 * PER_ENDPOINT, time.monotonic()
    with Sender(scope=platform_scope, clock=well.now, transport=well.transport) as sender:
        while sender.step() and (len(receiver.requests) < wanted or not until()):
            pass
    assert len(receiver.requests) == wanted
    return max(request.at_s for request in receiver.requests) - begun_s


def known_as_slow() -> int:
    with platform_scope():
        return WebhookEndpoint.objects.filter(slow=True).count()


@pytest.mark.fault("F15", "F36")
def test_hanging_receivers_take_no_place_from_others() -> None:
    """More messages that nobody answers than there are places, older than those of a bank that is well."""
    well = world.make()
    well.transport = HttpTransport(deadline_s=SLOW_S + 2)
    with silent_port() as nowhere, receiving() as healthy:
        well.endpoint(healthy)
        alone_s = lag_s(well, healthy)
        hanging = [world.make() for _ in range(QUICK // PER_ENDPOINT + 1)]
        for bank in hanging:
            bank.endpoint(Receiver(url=nowhere))
            for _ in range(PER_ENDPOINT):
                bank.happen()
        well.relay()
        well.pass_time(seconds=1)
        beside_s = lag_s(well, healthy, until=lambda: known_as_slow() == len(hanging))
    assert beside_s < alone_s + SLOW_S + 2, (alone_s, beside_s)  # whoever waited for them would wait that long and more
    assert known_as_slow() == len(hanging)


def claimed(well: World, *, quick: int, slow: int) -> list[UUID]:
    """The endpoints of the deliveries that a worker takes now."""
    with platform_scope():
        rows = Delivery.claim(lease=timedelta(minutes=1), each=PER_ENDPOINT, quick=quick, slow=slow, now=well.moment)
    return [row.endpoint_id for row in rows]


def queue(well: World, *lengths: int) -> list[UUID]:
    """Endpoints with so many deliveries waiting each, the longest waiting first."""
    made = []
    for length in lengths:
        bank = world.make()
        made.append(bank.endpoint(Receiver(url="http://127.0.0.1:9000/hooks")))
        for _ in range(length):
            bank.happen()
    well.relay()
    return made


@pytest.mark.fault("F36")
def test_each_endpoint_gets_a_place_before_any_gets_its_second() -> None:
    well = world.make()
    long, *short = queue(well, 30, 1, 1, 1)
    assert set(claimed(well, quick=4, slow=0)) == {long, *short}
    assert claimed(well, quick=3, slow=0) == [long] * 3


@pytest.mark.fault("F36")
def test_what_is_on_its_way_to_one_endpoint_is_limited_over_all_workers() -> None:
    well = world.make()
    queue(well, 30)
    assert len(claimed(well, quick=5, slow=64)) == 5
    assert len(claimed(well, quick=64, slow=64)) == PER_ENDPOINT - 5
    assert claimed(well, quick=64, slow=64) == []
    well.pass_time(seconds=61)
    assert len(claimed(well, quick=64, slow=64)) == PER_ENDPOINT, "their leases have ended"


def test_slow_endpoints_have_few_places_and_their_own() -> None:
    well = world.make()
    tired, fresh = queue(well, 10, 10)
    with platform_scope():
        WebhookEndpoint.objects.filter(id=tired).update(slow=True)
    assert claimed(well, quick=64, slow=0) == [fresh] * PER_ENDPOINT
    assert claimed(well, quick=64, slow=64) == [tired]
    assert claimed(well, quick=64, slow=64) == []
