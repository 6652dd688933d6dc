"""A borrower's whole way, a lender's requests and a sign-in, in real processes: no log line and no dump tells of them.

The dump is searched as text, with every binary value decoded (what is sealed stays sealed) and every session opened.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
import pytest

from acquisition.journey.answers import STEPS
from hub.celery import app
from hub.clock import now
from hub.outbox import OutboxEvent
from hub.tenancy import platform_scope
from partners.delivery.models import Delivery
from partners.referrals import facade as referrals
from tests import people
from tests.acquisition.journey import world
from tests.acquisition.journey.borrowers import GOOD
from tests.factories import make_client_and_secret, make_institution
from tests.harness import HOME
from tests.hub.dumps import Dump
from tests.hub.text_messages import FOLDER
from tests.journeys.rest import RestClient
from tests.partners import referral_factory
from tests.partners.product_factory import make_live
from tests.stack import Stack, close_publisher, free_port, until

NAME, PHONE, INCOME = "Quillon Zhaxybek 陳大文", "+85293141592", 1_937_465
EMAIL, STAFF = "quillon.z@post.example", "inspector.umbra@bank.example"
KEY = f"key-{uuid4()}"


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path) -> Iterator[Stack]:
    """Processes whose text messages lie in a folder of the test."""
    (tmp_path / "messages").mkdir()
    made = Stack(
        tmp_path, LUOPAN_HOME=str(HOME), LUOPAN_CODE_GATEWAY="tests.hub.text_messages.Messages",
        **{FOLDER: str(tmp_path / "messages")},
    )  # fmt: skip
    yield made
    made.close()
    close_publisher()


class Browser:
    """Sends forms as a browser does, while the block lasts."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def page(self, path: str) -> str:
        """Open a page."""
        answer = self.http.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def send(self, path: str, *, expect: int = 302, shown: str = "", **data: Any) -> str:
        """Send the form of a page, opened now or as it was shown before; return where it leads."""
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown or self.page(path))
        assert found
        answer = self.http.post(path, data={"csrfmiddlewaretoken": found[1], **data})
        assert answer.status_code == expect, (path, answer.status_code, answer.text)
        return str(answer.headers.get("Location", ""))


def borrow(browser: Browser, folder: Path) -> dict[str, str]:
    """Go the whole way to the signed contract and come back by the link; return what was secret on it."""
    made = browser.send("/apply/").split("/")[2]
    browser.send(f"/apply/{made}/consent/", agree="on")
    for step, names in STEPS.items():
        browser.send(f"/apply/{made}/{step}/", **{name: {**GOOD, "monthly_income": INCOME}[name] for name in names})
    browser.send(f"/apply/{made}/phone/", phone=PHONE)
    code = (folder / made).read_text()
    browser.send(f"/apply/{made}/code/", expect=422, code="12")
    browser.send(f"/apply/{made}/code/", code=code)
    link = re.search(r"/apply/resume/([^/]+)/", browser.page(f"/apply/{made}/save/"))
    assert link
    with Browser(str(browser.http.base_url)) as elsewhere:
        elsewhere.page(link[0])
    browser.send(f"/apply/{made}/review/")
    with platform_scope():
        offer = referrals.case_view(application_id=UUID(made)).offers[0]
    browser.send(f"/apply/{made}/offers/{offer.id}/", name=NAME, agree="on")
    with platform_scope():
        referral = referrals.case_view(application_id=UUID(made)).referral
    assert referral
    referral_factory.approve(referral)
    shown = re.search(r'name="terms_hash" value="([0-9a-f]{64})"', browser.page(f"/apply/{made}/contract/"))
    assert shown
    browser.send(f"/apply/{made}/contract/", typed_name=NAME, terms_hash=shown[1])
    assert "Signed" in browser.page(f"/apply/{made}/lender/")
    browser.http.get(f"/nowhere/{EMAIL}?code={code}&phone={PHONE}")
    return {"code": code, "link": link[1], "session": browser.http.cookies["sessionid"], "application": made}


def lend(stack: Stack, address: str, client_id: str, secret: str) -> dict[str, str]:
    """Ask for a score and for webhooks, well and badly; return what was secret in it."""
    client = RestClient(stack, address, client_id, secret)
    body = {
        "model_line": "consumer", "person_reference": EMAIL,
        "consent": {"reference": f"consent of {NAME}", "text_version": "1", "given_at": now().isoformat()},
        "features": {"monthly_income": INCOME, "housing": "rent"},
    }  # fmt: skip
    for expected in (201, 201):
        scored = client.ask("POST", "/api/v1/scores", body, **{"Idempotency-Key": KEY})
        assert scored.status == expected, scored.body
    assert client.ask("POST", "/api/v1/scores", {**body, NAME: PHONE}).status == 422
    assert client.ask("POST", "/api/v1/scores", f'{{"person_reference": "{EMAIL}"'.encode()).status == 400
    assert client.ask("POST", f"/api/v1/{EMAIL}", body).status == 404
    hook = client.send("POST", "/webhook-endpoints", {"url": f"http://127.0.0.1:{free_port()}/hook"}, expect=201)
    client.send("POST", hook.headers["Location"].removeprefix("/api/v1") + "/test", expect=202)
    wrong = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}x".encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert stack.ask("POST", f"{address}/oauth/token/", wrong, form).status == 401
    assert stack.ask("POST", f"{address}/oauth/token/?client_secret={secret}", wrong, form).status == 400
    return {"access token": client.token, "webhook secret": hook.json()["secret"]}


def sign_in(browser: Browser, person: people.Someone) -> dict[str, str]:
    """Sign in, with a wrong password first, and set the second factor up; return what was secret in it."""
    browser.send("/accounts/login/", expect=200, login=person.email, password=f"{person.password}x")
    browser.send("/accounts/login/", login=person.email, password=person.password)
    page = browser.page("/accounts/2fa/app/")
    secret = re.search(r'value="([A-Z2-7]{32})"', page)
    assert secret
    browser.send("/accounts/2fa/app/", shown=page, code=people.code(secret[1]))
    recovery = re.findall(r"\b[0-9a-f]{8}\b|\b\d{8}\b", browser.page("/accounts/2fa/codes/"))
    assert len(recovery) >= 10
    return {
        "password": person.password, "app secret": secret[1], "recovery code": recovery[0],
        "staff session": browser.http.cookies["sessionid"],
    }  # fmt: skip


def relayed(stack: Stack) -> None:
    """Have the worker do what beat would ask for, until every event has a position and a webhook has failed."""

    def done() -> bool:
        app.send_task("hub.relay_outbox")
        app.send_task("delivery.deliver", queue="delivery")
        time.sleep(0.5)
        with platform_scope():
            waiting = OutboxEvent.objects.filter(position=None).exists()
            return not waiting and Delivery.objects.filter(attempts__gt=0).exists()

    until(done, within_s=60, what="the relay and a failed delivery")


@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_no_log_line_and_no_dump_holds_a_secret_or_a_person_in_clear(stack: Stack, tmp_path: Path) -> None:
    worker = stack.start("worker", "default", "delivery")
    world.champion()
    lender = make_institution(name="Lighthouse Lending", sandbox=False)
    make_live(lender.id, name="Beacon Loan", rules=[], grid=world.GRIDS)
    client, secret = make_client_and_secret()
    officer = people.make(STAFF)
    address = stack.web()

    with Browser(address) as borrower, Browser(address) as desk:
        told = borrow(borrower, tmp_path / "messages")
        told |= lend(stack, address, client.client_id, secret) | sign_in(desk, officer)
    application, code = told.pop("application"), told.pop("code")
    relayed(stack)
    assert worker.poll() is None

    told |= {"client secret": secret, "idempotency key": KEY, "name": NAME, "family name": "Zhaxybek"}
    told |= {"phone": PHONE, "phone at home": PHONE[4:], "reference": EMAIL, "income": str(INCOME)}
    logs = "\n".join(path.read_text() for path in tmp_path.glob("*.log")).lower()
    assert logs.count("/apply/<uuid:application_id>/contract/") >= 3
    assert "task succeeded" in logs
    assert [what for what, word in told.items() if word.lower() in logs] == []
    assert STAFF not in logs
    assert not re.search(rf"(?<![0-9a-z.]){code}(?![0-9a-z])", logs)

    dump = Dump()
    for known in (application, client.client_id, "Lighthouse Lending", "monthly_income", "_auth_user_id"):
        assert dump.holds(known), known
    assert [what for what, word in told.items() if dump.holds(word)] == []
    assert not dump.holds_number(code)
