"""Who asks in the table of bad inputs, of what, and with which request when nothing is wrong with it."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.test import Client, TestCase
from django.test.client import ClientHandler

from hub.clock import now
from hub.openapi import description
from hub.tenancy import platform_scope
from partners.institutions.queries import ClientView, get_institution
from partners.institutions.services import revoke_client
from tests.contract.bad_rows import Good, Row
from tests.contract.objects import Ready, makers_of
from tests.contract.test_tenancy import BODY
from tests.factories import ACTOR, bearer, make_client, make_client_and_secret, make_key, signed_in
from tests.risk.registry_factory import make_champion, make_line

TOKENS = "/oauth/token/"
NOBODY = "019ab2f0-0000-7000-8000-00000000dead"


class ApiWorld:
    """An institution with an object for each operation, another one with the same, and clients of all kinds."""

    def __init__(self) -> None:
        make_champion(make_line())
        self.owner, self.stranger = make_client(), make_client()
        known, self._secret = make_client_and_secret(scopes=["institution:read"])
        self._known = known.client_id
        self._made: dict[tuple[str, UUID], Ready] = {}
        self._operations = description()["paths"]

    def operation(self, ask: str) -> dict[str, Any]:
        """The description of "METHOD /path"."""
        method, path = ask.split(" ", 1)
        found: dict[str, Any] = self._operations[path][method.lower()]
        return found

    def object_of(self, path: str, owner: ClientView) -> Ready:
        """An object that the path names, made once."""
        key = path, owner.institution_id
        if key not in self._made:
            self._made[key] = makers_of(path)[0](owner.institution_id)
        return self._made[key]

    def names(self, row: Row) -> dict[str, str]:
        """What rows may name: <nobody>, and where the path has an id <own> and <others>."""
        _, path = row.ask.split(" ", 1)
        found = {
            "nobody": NOBODY,
            "client": self._known,
            "secret": self._secret,
            "today": f"{now():%Y-%m-%d}",
            "tomorrow": f"{now() + timedelta(days=2):%Y-%m-%d}",
        }
        if "{" in path:
            found["own"] = str(self.object_of(path, self.owner).id)
            if "<others>" in row.path:
                found["others"] = str(self.object_of(path, self.stranger).id)
        return found

    def good(self, ask: str) -> Good:
        """The request that is taken."""
        _, path = ask.split(" ", 1)
        if path == TOKENS:
            sent = {"grant_type": "client_credentials", "client_id": self._known, "client_secret": self._secret}
            return Good(path, "urlencoded", sent)
        operation = self.operation(ask)
        ready = self.object_of(path, self.owner) if "{" in path else Ready(uuid4())
        needs = {found["name"] for found in operation.get("parameters", []) if found["in"] == "header"}
        headers = {name: value for name, value in (("Idempotency-Key", "-"), ("If-Match", "*")) if name in needs}
        content = operation.get("requestBody", {}).get("content", {})
        form: Any = {"application/json": "json", "multipart/form-data": "parts"}.get(next(iter(content), ""), "")
        body = self._body(path, next(iter(content.values())), ready) if content else None
        return Good(re.sub(r"{\w+}", str(ready.id), path), form, body, headers)

    def _body(self, path: str, media: dict[str, Any], ready: Ready) -> Any:
        if path == "/api/v1/scores":
            consent = {"reference": "consent-of-the-table", "text_version": "1", "given_at": "2026-01-01T00:00:00Z"}
            return {**BODY, "consent": consent}
        if path == "/api/v1/webhook-endpoints":
            return {**media["example"], "url": "http://127.0.0.1:9000/hooks"}
        return ready.body if ready.body is not None else media["example"]

    def client(self, row: Row) -> Client:
        """Who asks, with a token; the owner unless told."""
        who = row.who or ("nobody" if row.ask.endswith(TOKENS) else "own")
        made = getattr(self, f"_{who}")(row)
        asker = browser()
        asker.defaults.update(made if isinstance(made, dict) else bearer(made))
        return asker

    def _own(self, _row: Row) -> ClientView:
        return self.owner

    def _nobody(self, _row: Row) -> dict[str, str]:
        return {}

    def _live(self, row: Row) -> Any:
        with platform_scope():
            own = get_institution(institution_id=self.owner.institution_id)
            assert own.live_id
            live = get_institution(institution_id=own.live_id)
        return signed_in(make_client(live, key=make_key()))(*row.ask.split(" ", 1))

    def _unscoped(self, row: Row) -> dict[str, str]:
        (needed,) = self.operation(row.ask)["security"][0]["oauth2"]
        made: dict[str, str] = bearer(self.owner, scopes=[scope for scope in self.owner.scopes if scope != needed])
        return made

    def _expired(self, _row: Row) -> dict[str, str]:
        made: dict[str, str] = bearer(self.owner, expires_at=now() - timedelta(seconds=1))
        return made

    def _revoked(self, _row: Row) -> dict[str, str]:
        client = make_client()
        made: dict[str, str] = bearer(client)
        with platform_scope():
            revoke_client(client_id=client.client_id, actor=ACTOR, now=now())
        return made


def committed(act: Callable[[], Any]) -> Any:
    """Do something and what is to follow its commit."""
    with TestCase.captureOnCommitCallbacks(execute=True):
        return act()


_SHARED = ClientHandler(enforce_csrf_checks=False)


def browser() -> Client:
    """A browser in which a 5xx is an answer and no exception; all share the middleware, which is slow to make."""
    made = Client(raise_request_exception=False)
    made.handler = _SHARED
    return made
