"""How many codes go, to whom, at whose request; how often one may guess; what the borrower is told."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.db import connections
from django.test import Client
from django.utils import translation
from pytest_django import Settings

from acquisition.journey import services, tasks
from acquisition.journey.errors import CodesRefused
from acquisition.journey.models import CodeCount, OneTimeCode
from hub.errors import Invalid
from hub.tenancy import platform_scope
from tests.acquisition.journey import borrowers
from tests.acquisition.journey.borrowers import send
from tests.factories import make_institution
from tests.harness import count

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


def ask(phone: str, *, at: datetime = NOON, address: str = HERE, application: UUID | None = None) -> str:
    """Ask for a code; return why there is none, "" where it went."""
    made = application or borrowers.begin()
    try:
        with platform_scope():
            services.send_code(application_id=made, phone=phone, now=at, address=address)
    except CodesRefused as refusal:
        return refusal.reason if refusal.retry_after_s else "without an end"
    return ""


def counts() -> dict[str, int]:
    with platform_scope():
        return dict(CodeCount.objects.values_list("scope", "used"))


def test_a_number_has_a_limit_for_the_day(settings: Settings) -> None:
    made = borrowers.begin()
    told = [ask("+85291234567", at=NOON + turn * HOUR / 4, application=made) for turn in range(48)]
    assert told.count("") == settings.CODES_NUMBER_DAY
    assert set(told) == {"", CodesRefused.NUMBER}
    assert ask("+85291234567", at=NOON + DAY + MINUTE, application=made) == ""
    assert ask("+85291230000") == ""


def test_numbers_side_by_side_share_a_limit(settings: Settings) -> None:
    settings.CODES_BLOCK_DAY = 2
    assert [ask(f"+8529123000{last}") for last in range(3)] == ["", "", CodesRefused.DESTINATION]
    assert ask("+85291240000") == ""
    assert ask("+85291230009", at=NOON + DAY) == ""


def test_numbers_abroad_share_a_limit_by_their_country(settings: Settings) -> None:
    settings.CODES_ABROAD_DAY = 2
    told = [ask(f"+960771{number:04d}000") for number in range(3)]
    assert told == ["", "", CodesRefused.DESTINATION]
    assert ask("+85291234567") == ""
    assert ask("+447700900123") == ""
    settings.CODES_ABROAD_DAY = 0
    assert ask("+33612345678") == CodesRefused.DESTINATION
    assert ask("+85251234567") == ""


def test_an_address_has_limits_for_the_hour_and_the_day(settings: Settings) -> None:
    settings.CODES_ADDRESS_HOUR, settings.CODES_ADDRESS_DAY = 2, 3
    told = [ask(f"+8529{number}000000", at=NOON + number * MINUTE) for number in range(3)]
    assert told == ["", "", CodesRefused.ADDRESS]
    assert ask("+85295000000", address=ELSEWHERE) == ""
    assert ask("+85296000000", at=NOON + HOUR) == ""
    assert ask("+85297000000", at=NOON + 2 * HOUR) == CodesRefused.ADDRESS


def test_the_platform_has_a_limit_and_a_refusal_counts_nothing(settings: Settings) -> None:
    settings.CODES_DAY = 2
    assert [ask("+85291000000"), ask("+85292000000", address=ELSEWHERE)] == ["", ""]
    before = counts()
    assert before["platform"] == 2
    assert ask("+85293000000", address="192.0.2.1") == CodesRefused.PLATFORM
    assert counts() == before
    with platform_scope():
        assert OneTimeCode.objects.count() == 2


def test_nothing_is_counted_where_nothing_is_sent(settings: Settings) -> None:
    settings.CODES_DAY = 1
    sandbox = borrowers.begin(sandbox_id=make_institution().id)
    assert ask("+85291000000", application=sandbox) == ""
    assert ask("+85292000000", address="") == ""
    assert counts() == {}


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_get_as_many_codes_as_there_are(settings: Settings) -> None:
    settings.CODES_ADDRESS_HOUR = 5
    for turn in range(count(1, soak=50)):
        at, made = NOON + turn * HOUR, [borrowers.begin() for _ in range(20)]
        gate = threading.Barrier(20)
        told: list[str] = []

        def drive(place: int, at: datetime = at, made: list[UUID] = made, gate: Any = gate, told: Any = told) -> None:
            try:
                gate.wait()
                told.append(ask(f"+8529{place:02d}00000", at=at, application=made[place]))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=drive, args=(place,)) for place in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(told) == [""] * 5 + [CodesRefused.ADDRESS] * 15
        with platform_scope():
            assert OneTimeCode.objects.filter(sent_at=at).count() == 5


def guess(application: UUID, digits: str, at: datetime) -> str:
    with platform_scope():
        try:
            services.prove_phone(application_id=application, digits=digits, now=at)
        except Invalid as refusal:
            return refusal.errors[0].code
    return ""


@pytest.mark.django_db(transaction=True)
def test_wrong_guesses_for_one_number_end_for_the_day() -> None:
    told, made = [], [borrowers.begin() for _ in range(4)]
    for turn, application in enumerate(made[:3]):
        at = NOON + turn * MINUTE
        assert ask(borrowers.PHONE, at=at, application=application) == ""
        wrong = f"{(int(borrowers.code_of(application)) + 1) % 10**6:06d}"
        told += [guess(application, wrong, at) for _ in range(5)]
    assert told == ["wrong_code"] * 15
    assert guess(made[2], borrowers.code_of(made[2]), NOON + 3 * MINUTE) == "too_many_guesses"
    assert ask(borrowers.PHONE, at=NOON + 2 * HOUR, application=made[3]) == CodesRefused.GUESSES
    assert ask(borrowers.PHONE, at=NOON + DAY + 3 * MINUTE, application=made[3]) == ""
    assert guess(made[3], borrowers.code_of(made[3]), NOON + DAY + 4 * MINUTE) == ""


def test_counts_are_forgotten_and_name_nobody() -> None:
    with time_machine.travel(NOON, tick=False):
        assert ask("+85291234567") == ""
        with platform_scope():
            kept = str([bytes(row) for row in CodeCount.objects.values_list("place", flat=True)])
        assert "203.0.113" not in kept
        assert "9123" not in kept
        tasks.forget_code_counts()
        assert counts()["platform"] == 1
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        tasks.forget_code_counts()
        assert counts() == {}


def asked(phone: str, **extra: Any) -> Any:
    """Ask on the page, in a browser of its own that has answered nothing but the consent."""
    visitor = Client()
    made = UUID(visitor.post("/apply/")["Location"].split("/")[2])
    send(visitor, made, "consent/", agree="on")
    return visitor.post(f"/apply/{made}/phone/", {"phone": phone}, **extra)


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"CODES_ADDRESS_HOUR": 1}, "Too many codes"),
        ({"CODES_ADDRESS_DAY": 1}, "Too many codes"),
        ({"CODES_BLOCK_DAY": 1}, "No code to this number"),
        ({"CODES_DAY": 1}, "No codes at the moment"),
    ],
)
def test_the_page_tells_it_in_the_borrowers_language(settings: Settings, changes: dict[str, int], title: str) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    assert asked("9123 4567").status_code == 302
    for language in ("en", "zh-hant", "zh-hans"):
        refusal = asked("9123 4568", headers={"accept-language": language})
        assert refusal.status_code == 429
        assert int(refusal["Retry-After"]) > 0
        with translation.override(language):
            assert f"<h1>{translation.gettext(title)}</h1>" in refusal.content.decode()


def test_an_address_is_taken_from_the_proxies_that_we_have_and_no_others(settings: Settings) -> None:
    settings.CODES_ADDRESS_HOUR = 1
    forged = [asked(f"9{turn}23 4567", HTTP_X_FORWARDED_FOR=f"192.0.2.{turn}").status_code for turn in range(2)]
    assert forged == [302, 429]
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    told = ["192.0.2.1", "192.0.2.2", "10.9.9.9, 192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"]
    found = [asked(f"9{turn}34 4567", HTTP_X_FORWARDED_FOR=address).status_code for turn, address in enumerate(told)]
    assert found == [302, 302, 429, 302, 429, 302]
