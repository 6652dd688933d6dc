"""Borrowers at every place of their way, and people of the console, for the pages in the table of bad inputs."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from django.test import Client

from acquisition.journey import links
from acquisition.journey.answers import STEPS
from acquisition.journey.models import OneTimeCode
from hub.accounts.policies import Role
from hub.clock import now
from hub.crypto import DataKey
from hub.outbox import InboxEntry
from hub.tenancy import platform_scope
from partners.institutions.models import Client as IssuedClient
from partners.institutions.services import suspend_institution
from partners.referrals.facade import ReferralView, case_view
from partners.referrals.lender import Verdict
from partners.referrals.models import RoutingRun
from risk.learning import agreements
from risk.learning.models import LabelHold, LoanBook, TrainingRun
from risk.scoring import matrices, proxies, reviews
from risk.scoring.affordability import CURRENT_SHIPPED, SHIPPED, digest_of, document_of
from risk.scoring.models import Decision, DecisionReview, ModelLine, ModelVersion, QueryAlert, QueryBudget
from tests import people
from tests.acquisition.journey import borrowers, world
from tests.acquisition.journey.borrowers import GOOD
from tests.contract import objects
from tests.contract.bad_rows import Good, Row
from tests.contract.bad_worlds import NOBODY, browser, committed
from tests.factories import ACTOR, make_client, make_institution
from tests.partners import referral_factory
from tests.partners.product_factory import TERMS, make_live, make_product
from tests.people import Someone

NAME = "Chan Siu Ming"


class BorrowerWorld:
    """A browser and an application for each place of the way; <code>, <offer> and the like are of that place."""

    def __init__(self) -> None:
        world.champion()
        self.bank = world.sandbox()
        self.browsers: dict[str, Client] = {"stranger": browser()}
        self.ids: dict[str, UUID] = {}
        self.names_: dict[str, str] = {"nobody": NOBODY, "bank": str(self.bank.id)}
        for number, (place, go) in enumerate(_PLACES.items()):
            self.browsers[place] = browser()
            self.ids[place] = _begin(self.browsers[place], self.bank.id)
            go(self, place, f"+852{51 + number}234567")
        with platform_scope():
            for code in OneTimeCode.objects.all():
                OneTimeCode.objects.filter(id=code.id).update(sent_at=code.sent_at - timedelta(minutes=1))
            self.names_["token"], _ = links.make(application_id=self.ids["offered"], now=now())

    def send(self, place: str, page: str, /, **data: Any) -> None:
        """Send a page's form, and what follows the commit."""
        answer = committed(lambda: borrowers.send(self.browsers[place], self.ids[place], page, **data))
        assert answer.status_code == 302, answer.content

    def referral(self, place: str) -> ReferralView:
        """The referral of an application."""
        with platform_scope():
            found = case_view(application_id=self.ids[place]).referral
        assert found is not None
        return found

    def client(self, row: Row) -> Client:
        """The browser that began the application, or a stranger's."""
        found = re.search(r"{(\w+)}", row.ask)
        return self.browsers.get(row.who or (found[1] if found else ""), self.browsers["stranger"])

    def names(self, row: Row) -> dict[str, str]:
        """Ids of applications by their places, and what was found on the way."""
        return {**{place: str(found) for place, found in self.ids.items()}, **self.names_}

    def good(self, ask: str) -> Good:
        """The form that is taken."""
        path = ask.split(" ", 1)[1]
        last = path.rstrip("/").rpartition("/")[2]
        filled = re.sub(r"{(\w+)}", lambda found: str(self.ids.get(found[1], self.names_.get(found[1]))), path)
        known: dict[str, Any] = {
            **{step: {field: GOOD[field] for field in fields} for step, fields in STEPS.items()},
            "consent": {"agree": "on"}, "phone": {"phone": "92345678"}, "code": {"code": self.names_["code"]},
            "{offer}": {"name": NAME, "agree": "on"}, "{token}": {"send": "1"},
            "counter": {"answer": "decline", "referral": self.names_["referral"]},
            "contract": {"typed_name": NAME, "terms_hash": self.names_["terms_hash"]},
            "contest": {"statement": "I moved to my parents: the rent is gone."},
            "language": {"language": "zh-hant", "next": "/apply/"},
        }  # fmt: skip
        return Good(filled, "urlencoded", known.get(last, {}))


def _begin(client: Client, bank_id: UUID) -> UUID:
    return UUID(client.post(f"/apply/sandbox/{bank_id}/")["Location"].split("/")[2])


def _answered(self: BorrowerWorld, place: str, _phone: str) -> None:
    self.send(place, "consent/", agree="on")
    borrowers.answer(self.ids[place], GOOD)


def _coded(self: BorrowerWorld, place: str, phone: str) -> None:
    _answered(self, place, phone)
    self.send(place, "phone/", phone=phone)
    code = borrowers.code_of(self.ids[place])
    self.names_ |= {"code": code, "wrong": f"{(int(code) + 1) % 1_000_000:06d}"}


def _proved(self: BorrowerWorld, place: str, phone: str) -> None:
    _coded(self, place, phone)
    self.send(place, "code/", code=borrowers.code_of(self.ids[place]))


def _offered(self: BorrowerWorld, place: str, phone: str) -> None:
    _proved(self, place, phone)
    self.send(place, "review/")
    with platform_scope():
        self.names_["offer"] = str(case_view(application_id=self.ids[place]).offers[0].id)


def _refused(self: BorrowerWorld, place: str, phone: str) -> None:
    self.send(place, "consent/", agree="on")
    borrowers.answer(self.ids[place], {**GOOD, "essential_spending": 34_000})
    self.send(place, "phone/", phone=phone)
    self.send(place, "code/", code=borrowers.code_of(self.ids[place]))
    self.send(place, "review/")


def _lifted(self: BorrowerWorld, place: str, phone: str) -> None:
    _refused(self, place, phone)
    self.send(place, "contest/", statement="I moved to my parents: the rent is gone.")
    with platform_scope():
        review = DecisionReview.objects.get(application_id=self.ids[place])
        reviews.take_review(review_id=review.id, user_id=review.id, now=now())
        reviews.decide_review(
            review_id=review.id, overturn=True, reason="The lease has ended.", user_id=review.id, now=now(),
            instalment_max=Decimal(1000),
        )  # fmt: skip


def _referred(self: BorrowerWorld, place: str, phone: str) -> None:
    _offered(self, place, phone)
    self.send(place, f"offers/{self.names_['offer']}/", name=NAME, agree="on")


def _countered(self: BorrowerWorld, place: str, phone: str) -> None:
    _referred(self, place, phone)
    referral = self.referral(place)
    dearer = referral_factory.same_terms(referral, annual_rate_percent=referral.terms.annual_rate_percent + 5)
    referral_factory.decide(referral, Verdict("counter_offer", dearer))
    self.names_["referral"] = str(referral.id)


def _approved(self: BorrowerWorld, place: str, phone: str) -> None:
    _referred(self, place, phone)
    referral_factory.approve(self.referral(place))
    shown = borrowers.page(self.browsers[place], self.ids[place], "contract/").content.decode()
    found = re.search(r'name="terms_hash" value="([0-9a-f]{64})"', shown)
    assert found
    self.names_["terms_hash"] = found[1]


# The later ones first: <code> and <offer> are those of `coded` and `offered` in the end.
_PLACES: dict[str, Callable[[BorrowerWorld, str, str], None]] = {
    "begun": lambda _self, _place, _phone: None, "refused": _refused, "lifted": _lifted,
    "answered": _answered, "approved": _approved,
    "countered": _countered, "referred": _referred, "proved": _proved, "offered": _offered, "coded": _coded,
}  # fmt: skip
_DEEDS: dict[str, dict[str, Any]] = {
    "onboard": {"name": "A new bank", "jurisdiction": "HK"},
    "sandbox": {"name": "A new sandbox"},
    "client": {"name": "Desk", "method": "client_secret", "scopes": ["scores:write"], "jwks": ""},
    "limit": {"per_minute": "600", "per_day": ""},
    "webhook": {"url": "http://127.0.0.1:9000/hooks", "description": "Desk", "approved_network": ""},
    "open": {"email": "new@luopan.example", "name": "A Person", "roles": ["operator"]},
    "roles": {"roles": ["operator"]},
    "policy": {"rules": json.dumps({"all": []})},
    "budget": {"cap_amount": "50000", "cap_count": "7", "cap_expected_loss": ""},
    "train": {"seed": "42"},
    "release": {"note": "It was found to be right after all."},
    "reject": {"note": "Goods and bads were exchanged."},
    "set-query-budget": {"institution_id": NOBODY, "scores_per_day": "5000"},
    "change-query-budget": {"scores_per_day": "5000"},
    "settle": {"note": "They had tested on the live line by mistake."},
    "extend-review": {"reason": "The bank that paid the salary has not answered yet."},
    "overturn": {"reason": "The pay slips show a higher income than was counted.", "instalment_max": "1500"},
    "approve-proxy": {
        "feature": "dependents",
        "reason": "It is tried for a quarter, beside the others.",
        "expires_on": "",
    },
    "record-agreement": {"lender": str(UUID(int=9)), "reference": "Agreement 2026-17", "begins_on": "2026-01-01"},
    "uphold": {"reason": "The pay slips show the income that was counted."},
    "revise-matrix": {"cells": document_of(SHIPPED[CURRENT_SHIPPED]).decode()},
    "approve-matrix": {"sha256": digest_of(SHIPPED[CURRENT_SHIPPED])},
    "hand-in": {"known_mapping": "demo_consumer", "line_name": "consumer", "institution_id": ""},
}
_TERMS = {
    **{name: value for name, value in TERMS.items() if name not in ("terms", "grid")}, "terms": "12 24",
    "method": "equal_instalment", "rounding": "half_up", "fee_flat": "0",
    **{f"rate_{grade.lower()}": rate for grade, rate in TERMS["grid"].items()},
}  # fmt: skip


class StaffWorld:
    """An administrator, an auditor, a newcomer who set nothing up, and rows of every kind to do something with."""

    def __init__(self) -> None:
        self.admin = people.make("admin@luopan.example", admin=True)
        self.newcomer = people.make("newcomer@luopan.example", [Role.OPERATOR])
        self.browsers = {
            "stranger": browser(), "admin": _signed_in(self.admin), "newcomer": browser(),
            "auditor": _signed_in(people.make("auditor@luopan.example", [Role.AUDITOR])),
        }  # fmt: skip
        people.give_password(self.browsers["newcomer"], self.newcomer)
        self.browsers["newcomer"].get("/accounts/2fa/app/")
        bank = make_institution()
        assert bank.live_id
        suspended = make_institution()
        objects.makers_of("/api/v1/scores/{score_id}")[0](bank.id)
        case = objects.makers_of("/api/v1/referrals/{referral_id}")[0](bank.id)
        training = objects.makers_of("/api/v1/jobs/{job_id}")[1](bank.id)
        endpoint, client = objects.makers_of("/api/v1/webhook-endpoints/{endpoint_id}")[0](bank.id), make_client(bank)
        product, on_offer = make_product(bank.id), make_live(bank.id, name="On offer")
        with platform_scope():
            suspend_institution(institution_id=suspended.id, actor=ACTOR, now=now())
            found: dict[str, object] = {
                "nobody": NOBODY, "bank": bank.id, "live": bank.live_id, "suspended": suspended.id,
                "product": product.id, "onoffer": on_offer.id,
                "client": _client(client.client_id), "auditor": _id("auditor@luopan.example"), "referral": case.id,
                "endpoint": endpoint.id,
                "line": ModelLine.objects.latest("created_at").id, "run": training.id,
                "decision": Decision.objects.latest("created_at").id, "book": LoanBook.objects.latest("created_at").id,
                "hold": self._hold(uuid4()), "agreement": self._agreement(uuid4()), "proxy": self._proxy(),
                "review": self._review(),
                "budget": self._budget(bank.id), "alert": self._alert(bank.id),
                "matrix": self._matrix(uuid4()), "own_matrix": self._matrix(self.admin.id),
                "version": ModelVersion.objects.latest("created_at").id, "admin": self.admin.id,
                "routing": RoutingRun.objects.latest("at").id,
                "key": DataKey.objects.filter(kind=DataKey.PERSON).latest("created_at").id,
            }  # fmt: skip
            assert TrainingRun.objects.exists()
            assert not InboxEntry.objects.filter(state=InboxEntry.PARKED).exists()
        self._names = {name: str(value) for name, value in found.items()}

    def _proxy(self) -> UUID:
        line_id = ModelLine.objects.values_list("id", flat=True)[0]
        return proxies.approve_proxy(
            line_id=line_id, feature="children", reason="It is tried for a quarter, beside the others.",
            expires_on=now().date() + timedelta(days=30), user_id=uuid4(), now=now(),
        ).id  # fmt: skip

    def _agreement(self, lender_id: UUID) -> UUID:
        return agreements.record_agreement(
            lender_id=lender_id, reference="Agreement 2026-18", begins_on=date(2026, 1, 1), actor=ACTOR, now=now()
        ).id  # fmt: skip

    def _hold(self, lender_id: UUID) -> UUID:
        line_id = ModelLine.objects.latest("created_at").id
        return LabelHold.place(line_id=line_id, lender_id=lender_id, says="Why.", first_entry=1, now=now()).id

    def _review(self) -> UUID:
        asked = DecisionReview.ask(
            decision=Decision.objects.select_related("person").latest("created_at"), application_id=uuid4(),
            sandbox_id=None, language="en", statement="I earn more than this by now.", now=now(),
        )  # fmt: skip
        asked.assign(self.admin.id)
        return asked.id

    def _budget(self, institution_id: UUID) -> UUID:
        QueryBudget.put(institution_id=institution_id, scores_per_day=1_000, now=now())
        return institution_id

    def _alert(self, institution_id: UUID) -> UUID:
        line_id = ModelLine.objects.latest("created_at").id
        about = {"institution_id": institution_id, "line_id": line_id, "kind": "sweeps"}
        return QueryAlert.objects.create(looked_at=100, found=60, opened_at=now(), **about).id

    def _matrix(self, author_id: UUID) -> UUID:
        line_id = ModelLine.objects.latest("created_at").id
        matrix = SHIPPED[CURRENT_SHIPPED]
        return matrices.draft_matrix(line_id=line_id, matrix=matrix, user_id=author_id, now=now()).id

    def client(self, row: Row) -> Client:
        """The administrator in the console, a stranger elsewhere, unless told."""
        return self.browsers[row.who or ("admin" if "/console/" in row.ask or "admin" in row.path else "stranger")]

    def names(self, row: Row) -> dict[str, str]:
        """The ids of rows, each by the name of its kind."""
        return self._names

    def good(self, ask: str) -> Good:
        """The form that is taken; on pages that are about one's own sign-in nothing is sent that would be."""
        path = re.sub(r"{(\w+)}", lambda found: self._names[found[1]], ask.split(" ", 1)[1])
        deed = path.rstrip("/").rpartition("/")[2]
        if "/console/" not in path:
            return Good(path, "urlencoded", {}, refused=True)
        if "product/" in path and deed in ("open", "change"):
            more = {"institution": self._names["live"], "name": "A new product"} if deed == "open" else {}
            return Good(path, "urlencoded", {**_TERMS, "name": "Another name", **more})
        if deed == "hand-in":
            return Good(path, "parts", {**_DEEDS[deed], "file": "a,b\n1,2\n"}, refused=True)
        if deed == "draft-matrix":
            return Good(path, "urlencoded", {**_DEEDS["revise-matrix"], "line": self._names["line"]})
        if deed == "approve-proxy":
            soon = (now() + timedelta(days=30)).date().isoformat()
            return Good(path, "urlencoded", {**_DEEDS[deed], "line": self._names["line"], "expires_on": soon})
        known = deed in _DEEDS and not path.endswith("institution/" + deed)
        return Good(path, "urlencoded", _DEEDS.get(deed, {}) if known else {}, refused=deed not in _DEEDS)


def _signed_in(person: Someone) -> Client:
    made = browser()
    assert people.give_password(made, person).status_code == 302
    assert people.set_up_app(made, person).status_code == 302
    return made


def _client(client_id: str) -> object:
    return IssuedClient.objects.get(client_id=client_id).pk


def _id(email: str) -> object:
    from hub.accounts.models import User

    return User.objects.get(email=email).pk
