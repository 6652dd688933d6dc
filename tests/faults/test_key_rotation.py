"""F33, acceptance 10: every kind of key is rotated under load; nothing fails, and the old key dies on time."""

import base64
import itertools
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import StringIO
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import DatabaseError, connection
from joserfc.jwk import Key

from hub import audit_check, idempotency
from hub.clock import now
from hub.crypto import DataKey
from hub.keyrings import SealBroken
from hub.models import ConsentEntry
from hub.seal_file import SealFile
from hub.tasks import relay_outbox, seal_audit
from hub.tenancy import platform_scope, tenant_scope
from hub.vault import ALSO, NEEDED, Secrets
from partners.delivery import services as delivery
from partners.delivery.feed import feed
from partners.delivery.models import WebhookSecret
from partners.delivery.sending import send_due
from partners.delivery.transport import HttpTransport
from partners.institutions import services as institutions
from partners.institutions.models import Client
from partners.institutions.queries import ClientView
from tests import factories
from tests.faults.test_web_killed import BODY
from tests.harness import count
from tests.partners.receiver import Receiver, receiving
from tests.partners.test_oauth_assertion import TYPE, claims, sign
from tests.risk.registry_factory import make_champion, make_line
from tests.stack import Answer, Stack, free_port, until

ROUNDS = count(1, soak=10)
THREADS = count(3, soak=8)
EACH, TOKENS = count(8, soak=200), 2  # successes of each kind of request that a stage waits for


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


def first_secrets() -> Secrets:
    return Secrets(secret_key=new_key(), master_key=new_key(), index_key=new_key(), seal_key=new_key())


def announced(old: Secrets, new: Secrets) -> Secrets:
    """The old keys, with the new ones known beside them."""
    return replace(
        old, secret_keys_also=(new.secret_key,), master_keys_also=(new.master_key,), index_keys_also=(new.index_key,)
    )


def variables(secrets: Secrets) -> dict[str, str]:
    values = {name: getattr(secrets, name) for name in NEEDED}
    values |= {name: ",".join(getattr(secrets, name)) for name in ALSO}
    return {f"LUOPAN_{name.upper()}": value for name, value in values.items()}


@dataclass
class Bank:
    """A sandbox with a client of each kind, and an endpoint."""

    id: UUID
    token: str
    by_key: ClientView
    key: Key
    by_secret: ClientView
    secret: str
    endpoint: UUID


@dataclass
class Load:
    """Requests without end to the addresses that serve now; whatever was not answered well is kept."""

    stack: Stack
    bank: Bank
    addresses: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    people: set[str] = field(default_factory=set)
    beginnings: list[tuple[str, str]] = field(default_factory=list)  # keys, and the decisions that they stand for
    cursor: str = ""
    over: bool = False
    turns: Iterator[int] = field(default_factory=itertools.count)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Ask one address after the other."""
        addresses = self.addresses
        given = {"Authorization": self.bank.token, **{name.replace("_", "-"): text for name, text in headers.items()}}
        return self.stack.ask(method, addresses[next(self.turns) % len(addresses)] + path, body, given)

    def score(self, person: str, key: str) -> Answer:
        """Score a customer under his consent."""
        self.people.add(person)
        consent = {**BODY["consent"], "reference": f"consent of {person}"}
        return self.ask(
            "POST", "/api/v1/scores", {**BODY, "person_reference": person, "consent": consent}, Idempotency_Key=key
        )

    def token_by_key(self, key: Key) -> Answer:
        """Ask for a token by an assertion."""
        assertion = sign(key, claims(self.bank.by_key, jti=str(uuid4())))
        return self._token(client_assertion_type=TYPE, client_assertion=assertion)

    def token_by_secret(self, secret: str) -> Answer:
        """Ask for a token by a secret."""
        return self._token(client_id=self.bank.by_secret.client_id, client_secret=secret)

    def _token(self, **form: str) -> Answer:
        body = urlencode({"grant_type": "client_credentials", **form}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        addresses = self.addresses
        return self.stack.ask("POST", f"{addresses[next(self.turns) % len(addresses)]}/oauth/token/", body, kind)

    def note(self, what: str, answer: Answer, good: bool) -> None:
        """Count what went well, keep what did not."""
        if good:
            self.done[what] += 1
        else:
            self.faults.append(f"{what}: {answer.status} {answer.body[:300]!r}")

    def once(self, number: int) -> None:
        """One request of every kind."""
        person, key = f"customer-{number}", str(uuid4())
        made = self.score(person, key)
        self.note("score", made, made.status == 201)
        again = self.score(person, key)
        self.note("repeat", again, again.status == 201 and again.json()["id"] == made.json()["id"])
        read = self.ask("GET", f"/api/v1/scores/{made.json()['id']}")
        self.note("read", read, read.status == 200 and read.json()["reasons"] == made.json()["reasons"])
        new = self.score(f"new {uuid4()}", str(uuid4()))
        self.note("new person", new, new.status == 201)
        if beginnings := self.beginnings:
            key, decision = beginnings[number]
            old = self.score("customer-0", key)
            self.note("old repeat", old, old.status == 201 and old.json()["id"] == decision)
        page = self.ask("GET", self.cursor)
        self.note("cursor", page, page.status == 200)

    def tokens(self) -> None:
        """Sign in."""
        answer = self.token_by_key(self.bank.key)
        self.note("token by key", answer, answer.status == 200)
        answer = self.token_by_secret(self.bank.secret)
        self.note("token by secret", answer, answer.status == 200)

    def run(self, number: int) -> None:
        """Go on until it is over."""
        try:
            for turn in itertools.count():
                if self.over:
                    return
                self.once(number)
                self.done[f"round {number}"] += 1
                if number == 0 and turn % 4 == 0 and self.done["token by key"] < 2 * TOKENS:
                    self.tokens()
        except (OSError, LookupError, ValueError) as error:  # the connection, or what an answer lacks
            self.faults.append(repr(error))

    def stage(self, *addresses: str) -> None:
        """Send the load to these addresses until enough of everything has gone well there."""
        self.addresses, self.done = list(addresses), Counter()
        kinds = dict.fromkeys(["score", "repeat", "read", "new person", "cursor"], EACH)
        kinds |= {f"round {number}": 2 for number in range(THREADS)}  # what was on its way elsewhere has come in
        kinds |= {"token by key": TOKENS, "token by secret": TOKENS, "old repeat": EACH if self.beginnings else 0}
        until(
            lambda: self.faults or all(self.done[kind] >= least for kind, least in kinds.items()),
            within_s=200, what="every kind of request goes on",
        )  # fmt: skip
        assert self.faults == []

    def first_page(self) -> str:
        """Return the address of a second page, as it is signed now."""
        parts = urlsplit(self.ask("GET", "/api/v1/clients?limit=1").json()["next"])
        return f"{parts.path}?{parts.query}"


@contextmanager
def running(*works: Callable[[], None]) -> Iterator[None]:
    """Run these side by side; they end by themselves after the block."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()


def drain(load: Load) -> None:
    """A worker's part, in this process and so with the keys of `settings`: relay, send, seal the audit."""
    transport = HttpTransport()
    try:
        while not load.over:
            relay_outbox()
            with platform_scope():
                feed(now=now(), limit=200)
            send_due(scope=platform_scope, clock=now, transport=transport)
            seal_audit()
    except (DatabaseError, OSError, SealBroken) as error:
        load.faults.append(repr(error))
    finally:
        connection.close()


def make_bank(receiver: Receiver) -> Bank:
    make_champion(make_line())
    world = factories.make_institution()
    by_secret, secret = factories.make_client_and_secret(world)
    by_key = factories.make_client(world, key=(key := factories.make_key(kid="key-0")))
    token = factories.bearer(by_secret)["HTTP_AUTHORIZATION"]
    with tenant_scope(world.id):
        endpoint, told = delivery.register_endpoint(
            institution_id=world.id, url=receiver.url, actor=factories.ACTOR, now=now()
        )
    receiver.secrets.append(told)
    return Bank(world.id, token, by_key, key, by_secret, secret, endpoint.id)


def serve(stack: Stack, rings: list[Secrets]) -> list[str]:
    """Start a web process with each of these secrets; return their addresses once all of them answer."""
    ports = [free_port() for _ in rings]
    for port, ring in zip(ports, rings, strict=True):
        stack.start("web", LUOPAN_PORT=str(port), LUOPAN_URL="http://localhost:8000", **variables(ring))
    found = [f"http://localhost:{port}" for port in ports]
    for address in found:
        until(partial(stack.answers, address), within_s=180, what="the web process answers")
    return found


def command(name: str) -> str:
    """Run a command of the rotation; return what it says and whether it found anything left."""
    out = StringIO()
    try:
        call_command(name, stdout=out, stderr=StringIO())
    except SystemExit as ended:
        return f"{out.getvalue()}exit {ended.code}"
    return out.getvalue()


def _act() -> dict[str, Any]:
    return {"actor": factories.ACTOR, "now": now()}


@dataclass
class Partners:
    """What the bank itself rotates, while both of a kind are good, and then one."""

    bank: Bank
    receiver: Receiver

    def overlap(self, number: int) -> tuple[Key, str]:
        """Bring new ones in; the bank goes on with its old ones. Return the new key and the new secret."""
        key, act = factories.make_key(kid=f"key-{number}"), _act()
        both = {"keys": [factories.public_key(self.bank.key), factories.public_key(key)]}
        with platform_scope():
            institutions.replace_client_keys(client_id=self.bank.by_key.client_id, jwks=both, **act)
            _, secret = institutions.rotate_client_secret(client_id=self.bank.by_secret.client_id, **act)
        with tenant_scope(self.bank.id):
            rotated = delivery.rotate_secret(endpoint_id=self.bank.endpoint, **act)
        self.receiver.secrets.append(rotated.secret)
        return key, secret

    def end(self) -> None:
        """Take the old key out, and let the day of the others' overlap be over."""
        self.receiver.secrets = self.receiver.secrets[-1:]
        with platform_scope():
            institutions.replace_client_keys(
                client_id=self.bank.by_key.client_id, jwks={"keys": [factories.public_key(self.bank.key)]}, **_act()
            )
            Client.objects.filter(client_id=self.bank.by_secret.client_id).update(previous_secret_until=now())
            WebhookSecret.objects.filter(endpoint_id=self.bank.endpoint, expires_at__gt=now()).update(expires_at=now())


def rotate_all(load: Load, partners: Partners, settings: LazySettings, old: Secrets, number: int) -> Secrets:
    """Rotate every kind of key once, under load, as the runbook says; return the new secrets."""
    made = first_secrets()
    new = replace(made, index_key=f"{old.index_key}.{made.index_key}")
    before = announced(old, new)
    after = announced(new, old)
    first, second, third = serve(load.stack, [before, after, new])
    settings.SECRETS = before
    load.addresses, load.over = [first], False
    load.cursor = load.first_page()
    keys = [str(uuid4()) for _ in range(THREADS)]
    load.beginnings = [(key, load.score("customer-0", key).json()["id"]) for key in keys]
    workers: list[Callable[[], None]] = [partial(load.run, number) for number in range(THREADS)]
    with running(*workers, lambda: drain(load)):
        try:
            _stages(load, partners, settings, (first, second, third), (after, new), number)
        finally:
            load.over = True
    return new


def _stages(
    load: Load, partners: Partners, settings: LazySettings, at: tuple[str, str, str],
    rings: tuple[Secrets, Secrets], number: int,
) -> None:  # fmt: skip
    first, second, third = at
    load.stage(first)
    key, secret = partners.overlap(number)
    load.stage(first, second)
    old_key, old_secret, load.bank.key, load.bank.secret = load.bank.key, load.bank.secret, key, secret
    settings.SECRETS = rings[0]
    load.stage(second)
    switched = now()
    assert "Nothing is left" in command("rotate_master_key")
    left = [line for line in command("rotate_index_key").splitlines() if " left" in line and " 0 left" not in line]
    assert [line.partition(":")[0] for line in left] == ["hub_idempotencykey.digest"]
    load.stage(second)
    old_cursor, load.beginnings = load.cursor, []
    load.stage(second)  # until no repeat of a beginning is on its way any more
    with platform_scope():
        idempotency.forget_old(now=switched + idempotency.KEPT)  # as if three days had gone by
    assert "Nothing is left" in command("rotate_index_key")
    partners.end()
    settings.SECRETS = rings[1]
    load.cursor = load.first_page()
    load.stage(second, third)
    load.stage(third)
    assert load.ask("GET", old_cursor).status == 422
    assert load.token_by_key(old_key).status == 401
    assert load.token_by_secret(old_secret).status == 401


@pytest.mark.fault("F33")
@pytest.mark.timeout(600)
def test_every_kind_of_key_is_rotated_under_load(stack: Stack, settings: LazySettings) -> None:
    settings.SEALS = stack.folder / "seals"
    old = settings.SECRETS = first_secrets()
    with receiving() as receiver:
        load = Load(stack, make_bank(receiver))
        partners = Partners(load.bank, receiver)
        for number in range(1, ROUNDS + 1):
            new = rotate_all(load, partners, settings, old, number)
            stack.close()
            settings.SECRETS = old
            with platform_scope(), pytest.raises(SealBroken):
                DataKey.objects.filter(institution_id=load.bank.id).latest("created_at").seal(b"", place="")
            old = settings.SECRETS = new
        load.over = False
        with running(lambda: drain(load)):
            until(lambda: load.faults or len(receiver.events) >= len(load.people), within_s=120, what="webhooks come")
            load.over = True
    assert load.faults == []
    assert {request.refusal for request in receiver.requests} == {""}
    signatures = {len(request.headers["webhook-signature"].split()) for request in receiver.requests}
    assert signatures == {1, 2}
    with platform_scope():
        people = DataKey.objects.filter(institution_id=load.bank.id, kind=DataKey.PERSON).count()
        assert people == ConsentEntry.objects.count() == len(load.people)
        assert list(audit_check.verify(SealFile(settings.SEALS))) == []
    assert len(list(settings.SEALS.glob("*.pub"))) >= 1 + ROUNDS
