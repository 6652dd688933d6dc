"""Signing in: password, second factor, lock-out, sign-out. Nobody sees a page before the second factor."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

import hub as hub_package
from hub.accounts import services
from hub.accounts.policies import Role
from hub.audit import AuditRow, system_actor
from hub.clock import now
from hub.sessions import stored_key
from hub.tenancy import platform_scope
from tests import people

pytestmark = pytest.mark.django_db
ACTOR = system_actor("tests")


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    people.quick_passwords(settings)


@pytest.fixture
def officer() -> people.Someone:
    return people.make("officer@bank.example", [Role.RISK_OFFICER])


@pytest.fixture
def frozen() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(now(), tick=False) as traveller:
        yield traveller


def second_time(person: people.Someone) -> Client:
    """A new browser of somebody who set the app up before: the password is given, the code is asked for."""
    client = Client()
    assert people.give_password(client, person)["Location"] == reverse("mfa_authenticate")
    return client


def actions() -> list[str]:
    with platform_scope():
        return list(AuditRow.objects.filter(actor_kind="user").order_by("id").values_list("action", flat=True))


def test_without_a_second_factor_only_its_set_up_is_open(officer: people.Someone) -> None:
    client = Client()
    assert people.give_password(client, officer)["Location"] == "/console/"
    for path in ("/", "/console/", "/console/hub/auditrow/", "/accounts/2fa/", "/accounts/password/"):
        assert client.get(path)["Location"] == "/accounts/2fa/app/", path
        assert client.post(path)["Location"] == "/accounts/2fa/app/", path
    assert client.get("/accounts/2fa/app/").status_code == 200
    assert client.get("/accounts/2fa/passkeys/add/").status_code == 200


def test_setting_the_app_up_opens_the_console_and_gives_recovery_codes(officer: people.Someone) -> None:
    client = Client()
    people.give_password(client, officer)
    assert people.set_up_app(client, officer)["Location"] == "/accounts/2fa/codes/"
    assert len(client.get("/accounts/2fa/codes/").context["unused_codes"]) == 10
    assert client.get("/console/").status_code == 200
    assert actions() == ["account.signed_in", "account.app_set_up"]


def test_a_wrong_code_sets_nothing_up(officer: people.Someone) -> None:
    client = Client()
    people.give_password(client, officer)
    page = client.post("/accounts/2fa/app/", {"code": "000000"})
    assert page.status_code == 200
    assert page.context["form"].errors["code"] == ["Incorrect code."]
    assert client.get("/console/")["Location"] == "/accounts/2fa/app/"
    with platform_scope():
        assert not Authenticator.objects.exists()


def test_the_code_is_asked_for_at_the_next_sign_in(officer: people.Someone, frozen: time_machine.Traveller) -> None:
    people.signed_in(officer)
    client = second_time(officer)
    assert client.get("/console/")["Location"].startswith("/console/login/")
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.get("/console/")["Location"].startswith("/console/login/")
    frozen.shift(30)
    done = client.post("/accounts/2fa/authenticate/", {"code": people.code(officer.secret)})
    assert done["Location"] == "/console/"
    assert client.get("/console/").status_code == 200


def test_a_code_is_good_for_one_sign_in(officer: people.Someone, frozen: time_machine.Traveller) -> None:
    from django.core.cache import cache

    people.signed_in(officer)
    frozen.shift(30)
    code = {"code": people.code(officer.secret)}
    assert second_time(officer).post("/accounts/2fa/authenticate/", code).status_code == 302
    cache.clear()  # another process remembers nothing
    thief = second_time(officer)
    assert thief.post("/accounts/2fa/authenticate/", code).status_code == 200
    assert thief.get("/console/").status_code == 302


def test_a_recovery_code_works_once(officer: people.Someone) -> None:
    client = people.signed_in(officer)
    recovery = {"code": client.get("/accounts/2fa/codes/").context["unused_codes"][0]}
    assert client.get("/accounts/2fa/codes/").context["unused_codes"] == ["****"] * 10
    assert second_time(officer).post("/accounts/2fa/authenticate/", recovery).status_code == 302
    assert second_time(officer).post("/accounts/2fa/authenticate/", recovery).status_code == 200


def test_five_wrong_passwords_lock_the_address_out(officer: people.Someone, frozen: time_machine.Traveller) -> None:
    client = Client()
    for _ in range(4):
        assert people.give_password(client, officer, "wrong password").status_code == 200
    locked = people.give_password(client, officer, "wrong password")
    assert (locked.status_code, locked["Retry-After"]) == (429, "3600")
    assert b"Too many attempts" in locked.content
    assert people.give_password(client, officer).status_code == 429
    assert client.get("/console/").status_code == 302
    frozen.shift(3601)
    assert people.give_password(client, officer).status_code == 302


def test_others_sign_in_while_one_is_locked_out(officer: people.Someone) -> None:
    other = people.make("other@bank.example")
    for _ in range(5):
        people.give_password(Client(), officer, "wrong password")
    assert people.give_password(Client(), other).status_code == 302


def test_a_guessed_password_from_elsewhere_locks_only_there(officer: people.Someone) -> None:
    for _ in range(5):
        people.give_password(Client(), officer, "wrong password", REMOTE_ADDR="203.0.113.9")
    assert people.give_password(Client(), officer, REMOTE_ADDR="203.0.113.9").status_code == 429
    assert people.give_password(Client(), officer).status_code == 302


def test_many_who_guess_one_password_lock_the_account(officer: people.Someone, settings: Settings) -> None:
    settings.SIGN_IN_ACCOUNT_LIMIT = 8
    told = [
        people.give_password(Client(), officer, "wrong password", REMOTE_ADDR=f"203.0.113.{turn // 4}").status_code
        for turn in range(8)
    ]
    assert told == [200] * 7 + [429]
    assert people.give_password(Client(), officer, REMOTE_ADDR="198.51.100.1").status_code == 429
    assert people.give_password(Client(), people.make("other@bank.example")).status_code == 302


def test_one_who_guesses_many_passwords_is_locked_out(officer: people.Someone, settings: Settings) -> None:
    settings.SIGN_IN_ADDRESS_LIMIT = 8
    there = {"REMOTE_ADDR": "203.0.113.9"}
    nobodies = [people.Someone(uuid4(), f"nobody-{turn}@bank.example", "wrong password") for turn in range(8)]
    told = [people.give_password(Client(), nobody, **there).status_code for nobody in nobodies]
    assert told == [200] * 7 + [429]
    assert people.give_password(Client(), officer, **there).status_code == 429
    assert people.give_password(Client(), officer).status_code == 302


def test_five_wrong_codes_lock_the_second_factor_wherever_they_come_from(officer: people.Someone) -> None:
    people.signed_in(officer)
    client = second_time(officer)
    for turn in range(5):
        answer = client.post("/accounts/2fa/authenticate/", {"code": "000000"}, REMOTE_ADDR=f"203.0.113.{turn}")
        assert answer.status_code == (429 if turn == 4 else 200)
    right = {"code": people.code(officer.secret)}
    assert client.post("/accounts/2fa/authenticate/", right, REMOTE_ADDR="203.0.113.77").status_code == 429
    assert client.get("/console/").status_code == 302


def test_the_counter_holds_no_address_and_no_password(officer: people.Someone) -> None:
    people.give_password(Client(), officer, "wrong password")
    with platform_scope():
        kept = AccessAttempt.objects.values().get()
    assert officer.email not in str(kept)
    assert "wrong password" not in str(kept)
    assert len(kept["username"]) == 64


def test_the_session_is_another_one_after_signing_in(officer: people.Someone) -> None:
    client = Client()
    with platform_scope():
        before = str(client.session.session_key)
    client.cookies["sessionid"] = before
    people.give_password(client, officer)
    assert client.cookies["sessionid"].value != before
    with platform_scope():
        assert not Session.objects.filter(session_key__in=[before, stored_key(before)]).exists()


def test_who_reads_the_table_of_sessions_can_continue_none(officer: people.Someone) -> None:
    client = people.signed_in(officer)
    with platform_scope():
        [kept] = Session.objects.values_list("session_key", flat=True)
    assert kept == stored_key(client.cookies["sessionid"].value)
    thief = Client()
    thief.cookies["sessionid"] = kept
    assert thief.get("/console/").status_code == 302
    assert client.get("/console/").status_code == 200


def test_sign_out_needs_a_post(officer: people.Someone) -> None:
    client = people.signed_in(officer)
    assert client.get("/accounts/logout/").status_code == 200
    assert client.get("/console/").status_code == 200
    assert client.post("/accounts/logout/")["Location"] == "/"
    assert client.get("/console/").status_code == 302


def test_sign_out_by_a_foreign_page_is_refused(officer: people.Someone) -> None:
    client = people.signed_in(officer)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    refused = strict.post("/accounts/logout/")
    assert refused.status_code == 403
    assert b"Send it again" in refused.content
    assert b"style=" not in refused.content
    assert client.get("/console/").status_code == 200


@pytest.mark.parametrize(
    "path", ["signup/", "email/", "password/reset/", "password/set/", "login/code/", "confirm-email/"]
)
def test_there_is_no_sign_up_and_no_mail(path: str) -> None:
    assert Client().get(f"/accounts/{path}").status_code == 404


def test_an_older_session_without_the_factor_must_show_it(officer: people.Someone) -> None:
    early = Client()
    people.give_password(early, officer)
    people.signed_in(officer)
    assert early.get("/console/hub/auditrow/")["Location"].startswith("/accounts/2fa/reauthenticate/?next=")
    # Nor can it add a factor of its own with nothing but the password.
    assert early.get("/accounts/2fa/passkeys/add/")["Location"].startswith("/accounts/2fa/reauthenticate/")
    shown = early.post("/accounts/2fa/reauthenticate/", {"code": people.code(officer.secret)})
    assert shown.status_code == 302
    assert early.get("/console/").status_code == 200


def test_a_closed_account_is_signed_out(officer: people.Someone) -> None:
    client = people.signed_in(officer)
    with platform_scope():
        services.switch(user_id=officer.id, active=False, actor=ACTOR, now=now())
    assert client.get("/console/").status_code == 302
    assert people.give_password(Client(), officer)["Location"] == "/accounts/inactive/"


def test_a_new_password_ends_open_sessions(officer: people.Someone) -> None:
    client = people.signed_in(officer)
    with platform_scope():
        fresh = services.renew_password(user_id=officer.id, actor=ACTOR, now=now())
    assert client.get("/console/").status_code == 302
    assert people.give_password(Client(), officer).status_code == 200
    assert people.give_password(Client(), officer, fresh).status_code == 302


def test_a_reset_factor_must_be_set_up_again(officer: people.Someone) -> None:
    client = people.signed_in(officer)
    with platform_scope():
        services.reset_second_factor(user_id=officer.id, actor=ACTOR, now=now())
    assert client.get("/console/")["Location"] == "/accounts/2fa/app/"


def test_secrets_of_second_factors_are_sealed(officer: people.Someone) -> None:
    people.signed_in(officer)
    with platform_scope():
        kept = {one.type: one.data for one in Authenticator.objects.all()}
    assert set(kept) == {"totp", "recovery_codes"}
    assert officer.secret not in str(kept)


def test_a_member_has_no_console(officer: people.Someone) -> None:
    member = people.make("member@bank.example", institution_id=uuid4())
    client = Client()
    assert people.give_password(client, member)["Location"] == "/"
    people.set_up_app(client, member)
    page = client.get("/console/", follow=True)
    assert page.status_code == 403
    assert b"Not for this account" in page.content


def test_passwords_are_hashed_with_scrypt() -> None:
    from django.conf import settings

    from hub import settings as ours

    assert ours.PASSWORD_HASHERS[0] == "django.contrib.auth.hashers.ScryptPasswordHasher"
    assert settings.PASSWORD_HASHERS[0] != ours.PASSWORD_HASHERS[0]  # only here, for speed


def test_delicate_pages_ask_again_after_a_while(officer: people.Someone, frozen: time_machine.Traveller) -> None:
    client = people.signed_in(officer)
    assert client.get("/accounts/2fa/codes/new/").status_code == 200
    frozen.shift(301)
    assert client.get("/accounts/2fa/codes/new/")["Location"].startswith("/accounts/reauthenticate/")
    assert client.get("/accounts/2fa/app/remove/")["Location"].startswith("/accounts/reauthenticate/")


def test_the_sign_in_page_speaks_the_readers_language() -> None:
    client = Client()
    assert "登录" in client.get("/accounts/login/", headers={"accept-language": "zh-CN"}).content.decode()
    assert "登入" in client.get("/accounts/login/", headers={"accept-language": "zh-TW"}).content.decode()
    assert client.post("/language/", {"language": "zh-hant"}).status_code == 302
    assert 'lang="zh-hant"' in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("language", ["zh-hant", "zh-hans"])
def test_every_sentence_of_the_sign_in_pages_is_translated(language: str) -> None:
    hub = Path(hub_package.__file__).parent
    pages = [hub / "templates" / "hub" / "page.html", *(hub / "accounts" / "templates").rglob("*.html")]
    pattern = re.compile(r"""{% translate (["'])(.+?)\1 %}""")
    sentences = {found[1] for page in pages for found in pattern.findall(page.read_text())}
    assert len(sentences) > 15
    with translation.override(language):
        assert [one for one in sorted(sentences) if translation.gettext(one) == one] == []


def test_the_first_administrator_comes_from_a_command() -> None:
    said = io.StringIO()
    call_command("open_account", "Chief@luopan.example", "--name", "Chief", "--administrator", stdout=said)
    password = said.getvalue().splitlines()[0].rpartition(" ")[2]
    client = people.signed_in(people.Someone(uuid4(), "chief@luopan.example", password))
    assert client.get("/console/accounts/user/do/open/").status_code == 200
    with pytest.raises(CommandError, match="There is an account with this address already"):
        call_command("open_account", "chief@luopan.example", "--name", "Other", stdout=said)
    with pytest.raises(CommandError, match="An auditor reads only"):
        call_command(
            "open_account", "a@luopan.example", "--name", "A", "--role", "auditor", "--role", "operator", stdout=said
        )
