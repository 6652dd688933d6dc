"""Checks of our own for `manage.py check --deploy`: each fault has an id and names its remedy."""

import os
from collections.abc import Callable, Iterator
from typing import Any, cast

from django.conf import settings
from django.core.checks import Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from hub.postgres import PostgresError

SECRETS = ("LUOPAN_SECRET_KEY", "LUOPAN_MASTER_KEY", "LUOPAN_INDEX_KEY", "LUOPAN_SEAL_KEY")
TOKEN_SECONDS_MAX = 15 * 60
Faults = Iterator[tuple[str, str]]


def register_all() -> None:
    """Register them with Django; they run with `--deploy` only."""
    register(check_deployment, Tags.security, deploy=True)


def check_deployment(**_: Any) -> list[Error]:
    """Return an error for each thing that would be unsafe in production."""
    found = ((number, fault) for number, check in CHECKS.items() for fault in check())
    return [Error(sentence, hint=remedy, id=f"luopan.{number}") for number, (sentence, remedy) in found]


def production() -> Faults:
    """Not the demonstration."""
    if not settings.PRODUCTION:
        yield "Luopan runs in its demonstration mode.", "Set LUOPAN_PRODUCTION=1."


def database_role() -> Faults:
    """The role cannot bypass row-level security."""
    from hub import preflight

    try:
        preflight.check_database()
    except (preflight.StartError, PostgresError, ImproperlyConfigured) as error:
        yield str(error), "Give DATABASE_URL of the role luopan_app: see platform/hub/sql/roles.sql."


def https() -> Faults:
    """The public address is encrypted."""
    if not settings.PUBLIC_URL.startswith("https://"):
        yield f"The public address {settings.PUBLIC_URL} is not encrypted.", "Set LUOPAN_URL=https://…"


def secrets() -> Faults:
    """Secrets come from the environment."""
    missing = [name for name in SECRETS if not os.environ.get(name)]
    if missing:
        yield "Secrets are read from a file beside the data.", f"Set {', '.join(missing)} from your secret store."


def debug() -> Faults:
    """No debugging pages."""
    if settings.DEBUG:
        yield "DEBUG is on: errors show settings and data.", "Leave DEBUG off."


def demo() -> Faults:
    """No demo data and sign-ins."""
    if settings.DEMO:
        yield "The demo data, with its known sign-ins, is on.", "Set LUOPAN_DEMO=0."


def tokens() -> Faults:
    """Tokens are stored as digests and live for minutes."""
    provider = cast("dict[str, Any]", settings.OAUTH2_PROVIDER)
    if not provider.get("COMPLIANT_BCP_RFC9700_TOKEN_STORAGE"):
        yield "Access tokens are stored as they are.", "Set COMPLIANT_BCP_RFC9700_TOKEN_STORAGE to store digests."
    if provider.get("ACCESS_TOKEN_EXPIRE_SECONDS", 36000) > TOKEN_SECONDS_MAX:
        yield "Access tokens live longer than 15 minutes.", "Lower ACCESS_TOKEN_EXPIRE_SECONDS to 900."


def pool() -> Faults:
    """Connections are pooled, and not waited for. Whether one is alive is seen at a scope's first statement."""
    database = settings.DATABASES["default"]
    options = cast("dict[str, Any]", database.get("OPTIONS", {}).get("pool") or {})
    if database.get("CONN_MAX_AGE") != 0 or not options:
        yield "The database connections are not pooled.", "Set the option pool, and CONN_MAX_AGE=0."
    elif not 0 < options.get("timeout", 30) <= 5:
        yield "A request may wait for a connection for more than 5 s.", "Set the pool's timeout to 5."


def content_policy() -> Faults:
    """Pages run no inline and no foreign code."""
    directives = settings.CONTENT_SECURITY_POLICY.get("DIRECTIVES", {})
    loose = {"'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:"}
    for name in ("default-src", "script-src", "style-src"):
        if not directives.get(name) or loose & set(directives[name]):
            yield f"The content security policy's {name} lets in foreign or inline code.", "Allow 'self' alone."


def hosts() -> Faults:
    """The hosts are named."""
    if not settings.ALLOWED_HOSTS or "*" in settings.ALLOWED_HOSTS:
        yield "Requests for any host, or for none, are answered.", "Set LUOPAN_HOSTS to the public host name."


CHECKS: dict[str, Callable[[], Faults]] = {
    "E001": production,
    "E002": database_role,
    "E003": https,
    "E004": secrets,
    "E005": debug,
    "E006": demo,
    "E007": tokens,
    "E008": pool,
    "E009": content_policy,
    "E010": hosts,
}
