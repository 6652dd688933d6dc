"""`manage.py check --deploy` in a production environment, and each fault in turn."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings

from hub import checks, postgres

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def production(django_db_setup: None, tmp_path: Path) -> dict[str, str]:
    """The environment of a production process, on the database of this test run."""
    from django.db import connections

    socket = postgres.socket_folder(django_settings.LUOPAN_HOME)
    name = connections["default"].settings_dict["NAME"]
    key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    return {
        **os.environ,
        "LUOPAN_HOME": str(tmp_path),
        "LUOPAN_PRODUCTION": "1",
        "LUOPAN_URL": "https://luopan.example.com",
        "LUOPAN_HOSTS": "luopan.example.com",
        "LUOPAN_SECRET_KEY": base64.urlsafe_b64encode(os.urandom(48)).decode(),
        "LUOPAN_MASTER_KEY": key,
        "LUOPAN_INDEX_KEY": key,
        "LUOPAN_SEAL_KEY": key,
        "DATABASE_URL": f"postgresql://luopan_app@/{name}?host={socket}",
    }


def check(environment: dict[str, str]) -> tuple[int, str]:
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return result.returncode, result.stdout + result.stderr


def test_a_production_environment_is_clean(production: dict[str, str]) -> None:
    code, output = check(production)
    assert (code, output) == (0, "System check identified no issues (0 silenced).\n")


def test_a_demonstration_is_not(production: dict[str, str]) -> None:
    for name in list(production):
        if name.startswith("LUOPAN_") and name != "LUOPAN_HOME":
            del production[name]
    superuser = production["DATABASE_URL"].replace("luopan_app", "postgres")
    code, output = check({**production, "DATABASE_URL": superuser, "LUOPAN_HOSTS": "*"})
    assert code == 1
    for number in ("E001", "E002", "E003", "E004", "E006", "E010"):
        assert f"(luopan.{number})" in output
    assert "is unsafe: it is a superuser" in output
    assert "Traceback" not in output


ANSWERS = """
import json, os, sys
sys.path[1:1] = ["platform"]
os.environ["DJANGO_SETTINGS_MODULE"] = "hub.settings"
import django
django.setup()
from django.conf import settings
from django.test import Client
plain = Client().get("/accounts/login/", headers={"host": "luopan.example.com"})
proxied = {"host": "luopan.example.com", "x-forwarded-proto": "https"}
client = Client()
page, chosen = client.get("/accounts/login/", headers=proxied), client.get("/apply/?lang=zh-hant", headers=proxied)
cookies = {name: [bool(one["secure"]), bool(one["httponly"]), one["samesite"]] for name, one in client.cookies.items()}
session = [settings.SESSION_COOKIE_SECURE, settings.SESSION_COOKIE_HTTPONLY, settings.SESSION_COOKIE_SAMESITE]
strange = Client().get("/accounts/login/", headers={**proxied, "host": "evil.example.com"}).status_code
print(json.dumps([plain.status_code, plain["Location"], page.status_code, page["Strict-Transport-Security"], cookies,
                  session, strange]))
"""


def test_production_speaks_tls_alone(production: dict[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", ANSWERS], cwd=ROOT, env=production, capture_output=True, text=True, check=True
    )
    status, location, shown, policy, cookies, session, strange = json.loads(run.stdout)
    assert (status, location, shown) == (301, "https://luopan.example.com/accounts/login/", 200)
    assert policy == "max-age=31536000; includeSubDomains; preload"
    marks = [True, True, "Lax"]
    assert cookies == {"csrftoken": marks, "django_language": marks}
    assert (session, strange) == (marks, 400)


@pytest.mark.parametrize(
    ("without", "sentence"),
    [
        ("LUOPAN_MASTER_KEY", "Set LUOPAN_MASTER_KEY: the secrets come from the environment"),
        ("LUOPAN_URL", "LUOPAN_URL is no https address"),
        ("LUOPAN_HOSTS", "(luopan.E010)"),
    ],
)
def test_what_is_missing_is_named(production: dict[str, str], without: str, sentence: str) -> None:
    del production[without]
    code, output = check(production)
    assert code == 1
    assert sentence in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("check_", "name", "value", "sentence"),
    [
        (checks.debug, "DEBUG", True, "DEBUG is on"),
        (checks.tokens, "OAUTH2_PROVIDER", {"ACCESS_TOKEN_EXPIRE_SECONDS": 900}, "Access tokens are stored"),
        (checks.tokens, "OAUTH2_PROVIDER", {"COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True}, "Access tokens live longer"),
        (checks.content_policy, "CONTENT_SECURITY_POLICY", {}, "The content security policy's default-src"),
        (
            checks.content_policy,
            "CONTENT_SECURITY_POLICY",
            {
                "DIRECTIVES": {
                    "default-src": ["'none'"],
                    "script-src": ["'self'", "'unsafe-inline'"],
                    "style-src": ["'self'"],
                }
            },
            "The content security policy's script-src",
        ),
    ],
)
def test_settings_that_no_variable_reaches(
    settings: Settings, check_: Callable[[], checks.Faults], name: str, value: Any, sentence: str
) -> None:
    assert list(check_()) == []
    setattr(settings, name, value)
    faults = [fault for fault, _ in check_()]
    assert faults
    assert faults[0].startswith(sentence)
    assert len(checks.CHECKS) == 10


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CONN_MAX_AGE", 60, "The database connections are not pooled"),
        ("OPTIONS", {}, "The database connections are not pooled"),
        ("OPTIONS", {"pool": {"max_size": 4}}, "A request may wait"),
    ],
)
def test_connections(monkeypatch: pytest.MonkeyPatch, name: str, value: Any, sentence: str) -> None:
    assert list(checks.pool()) == []
    monkeypatch.setitem(django_settings.DATABASES["default"], name, value)
    assert [fault.startswith(sentence) for fault, _ in checks.pool()] == [True]
