"""People who sign in: made by the service, with a second factor, and signed in the way they do it themselves."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client
from pytest_django import Settings

from hub.accounts import services
from hub.accounts.policies import Role
from hub.audit import system_actor
from hub.clock import now
from hub.tenancy import platform_scope


@dataclass
class Someone:
    """A person with an account."""

    id: UUID
    email: str
    password: str
    secret: str = ""


def quick_passwords(settings: Settings) -> None:
    """Hash people's passwords quickly in this test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS[1:]]


def make(
    email: str, roles: Collection[Role] = (), *, institution_id: UUID | None = None, admin: bool = False
) -> Someone:
    """Give out an account; `admin` makes an administrator of it."""
    with platform_scope():
        made = services.open_account(
            email=email, name="A Person", roles=roles, institution_id=institution_id, administrator=admin,
            actor=system_actor("tests"), now=now(),
        )  # fmt: skip
    return Someone(made.user_id, email, made.password)


def code(secret: str) -> str:
    """Return the code that an authenticator app shows for the secret now."""
    counters = list(yield_hotp_counters_from_time())  # with a half minute's tolerance on both sides
    return str(format_hotp_value(hotp_value(secret, counters[len(counters) // 2])))


def give_password(client: Client, person: Someone, password: str = "", **extra: Any) -> Any:
    """Send the sign-in form."""
    data = {"login": person.email, "password": password or person.password}
    return client.post("/accounts/login/", data, **extra)


def set_up_app(client: Client, person: Someone) -> Any:
    """Set an authenticator app up as the page says, and remember its secret."""
    page = client.get("/accounts/2fa/app/")
    person.secret = parse_qs(urlsplit(page.context["totp_url"]).query)["secret"][0]
    return client.post("/accounts/2fa/app/", {"code": code(person.secret)})


def signed_in(person: Someone) -> Client:
    """Return a client that signed in with this new account and set its second factor up."""
    client = Client()
    assert give_password(client, person).status_code == 302
    assert set_up_app(client, person).status_code == 302
    return client
