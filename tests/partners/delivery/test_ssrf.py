"""No webhook goes inside: refused as an endpoint is registered, and again at each delivery, before any connection."""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import yaml

from hub.errors import Invalid
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery import services
from partners.delivery.models import WebhookEndpoint
from partners.delivery.services import ENDPOINTS_MAX
from partners.delivery.transport import HttpTransport
from tests.factories import ACTOR
from tests.partners.delivery import world
from tests.partners.delivery.world import World
from tests.partners.receiver import receiving

pytestmark = pytest.mark.django_db

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("ssrf.yaml").read_text())
PUBLIC = "93.184.215.14"


def test_there_are_enough_spellings() -> None:
    assert len({case["url"] for case in CASES}) == len(CASES) >= 60


@dataclass
class Names:
    """A resolver: what each name leads to, in turn; what was asked."""

    known: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        answers = self.known.get(name, [[PUBLIC]])
        return answers.pop(0) if len(answers) > 1 else answers[0]


NAMES = {str(urlsplit(case["url"]).hostname): [case["leads_to"]] for case in CASES if "leads_to" in case}


@dataclass
class Wire:
    """Every connection that Python code of this process asked for. None leaves the machine."""

    watching: bool = False
    asked: list[str] = field(default_factory=list)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Hear of what the interpreter is about to do: see sys.addaudithook."""
        if self.watching and event == "socket.connect" and arguments[0].family != socket.AF_UNIX:
            self.asked.append(arguments[1][0])
            if arguments[1][0] != "127.0.0.1":
                raise ConnectionRefusedError


WIRE = Wire()
sys.addaudithook(WIRE.hear)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Yield the addresses that connections were asked for, as they come."""
    WIRE.asked, WIRE.watching = [], True
    try:
        yield WIRE.asked
    finally:
        WIRE.watching = False


def register(bank: World, url: str, resolve: Names, **more: Any) -> UUID:
    with tenant_scope(bank.institution_id):
        made, _ = services.register_endpoint(
            institution_id=bank.institution_id, url=url, resolve=resolve, actor=ACTOR, now=bank.moment, **more
        )
    return made.id


def test_no_spelling_is_registered() -> None:
    bank = world.make()
    before = bank.told()
    with watched() as connections:
        for case in CASES:
            with pytest.raises(Invalid) as caught:
                register(bank, case["url"], Names(dict(NAMES)))
            assert [(fault.pointer, fault.code) for fault in caught.value.errors] == [("/url", case["code"])], case
    assert connections == []
    assert bank.told() == before
    with platform_scope():
        assert not WebhookEndpoint.objects.exists()


def test_no_endpoint_is_changed_to_one() -> None:
    bank = world.make()
    endpoint_id = register(bank, "https://hooks.example.com/", Names())
    for case in CASES:
        with tenant_scope(bank.institution_id), pytest.raises(Invalid) as caught:
            services.change_endpoint(
                endpoint_id=endpoint_id, url=case["url"], resolve=Names(dict(NAMES)), actor=ACTOR, now=bank.moment
            )
        assert caught.value.errors[0].code == case["code"], case
    assert bank.row(endpoint_id).url == "https://hooks.example.com/"


def test_none_is_sent_to_although_its_row_is_there() -> None:
    """A row of another time, another rule or another hand is refused all the same, and nothing is connected to."""
    banks = [world.make() for _ in range(-(-len(CASES) // ENDPOINTS_MAX))]
    written = {}
    for place, case in enumerate(CASES):
        bank = banks[place // ENDPOINTS_MAX]
        endpoint_id = register(bank, "https://hooks.example.com/", Names())
        with platform_scope():
            WebhookEndpoint.objects.filter(id=endpoint_id).update(url=case["url"])
        written[endpoint_id] = case
    for bank in banks:
        bank.happen()
    banks[0].transport = HttpTransport(resolve=Names(dict(NAMES)))
    with watched() as connections:
        assert banks[0].round() == len(CASES)
    assert connections == []
    for row in banks[0].deliveries():
        assert (row.state, row.last_fault) == ("waiting", "address_refused"), written[row.endpoint_id]


def test_a_name_that_turns_inwards_after_registration_is_refused() -> None:
    """Rebinding: public as it is registered, private as it is sent to."""
    bank, names = (
        world.make(),
        Names({"turn.example.com": [[PUBLIC], ["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]]}),
    )
    register(bank, "https://turn.example.com/hooks", names)
    bank.happen()
    bank.relay()
    bank.transport = HttpTransport(resolve=names)
    with watched() as connections:
        for _ in range(3):
            assert bank.send() == 1
            assert bank.only().last_fault == "address_refused"
            bank.moment = bank.only().due_at
    assert connections == []
    assert names.asked == ["turn.example.com"] * 4


def test_the_connection_goes_to_the_checked_address() -> None:
    """Rebinding between check and connection: the name is asked for once, so there is nothing in between."""
    bank, names = world.make(), Names({"flip.example.com": [[PUBLIC], [PUBLIC], ["127.0.0.1"]]})
    register(bank, "https://flip.example.com/hooks", names)
    bank.happen()
    bank.relay()
    bank.transport = HttpTransport(resolve=names)
    with watched() as connections:
        assert bank.send() == 1
    assert connections == [PUBLIC]
    assert bank.only().last_fault == "connection_failed"
    assert names.asked == ["flip.example.com"] * 2


def test_a_redirect_inwards_is_not_followed() -> None:
    bank = world.make()
    with receiving() as inside, receiving(answers=[(307, {"Location": inside.url})]) as receiver:
        bank.endpoint(receiver)
        bank.happen()
        with watched() as connections:
            bank.round()
    assert connections == ["127.0.0.1"]
    assert (len(receiver.requests), inside.requests) == (1, [])
    assert bank.only().last_status == 307


def test_the_watcher_sees_a_connection() -> None:
    with watched() as connections, pytest.raises(ConnectionRefusedError):
        socket.create_connection((PUBLIC, 443), timeout=1)
    assert connections == [PUBLIC]
