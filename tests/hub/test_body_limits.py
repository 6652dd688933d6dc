"""Bodies that pages refuse: too large, too many fields, broken encodings. Never a 5xx, and nothing is kept on disk."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from acquisition.journey.models import Application
from hub.tenancy import platform_scope

pytestmark = pytest.mark.django_db
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
FILE = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
PAGES = ("/apply/", "/accounts/login/", "/language/", "/oauth/token/", "/console/login/", "/nowhere/")


def post(path: str, body: bytes, kind: str, **extra: Any) -> int:
    status: int = Client(raise_request_exception=False).generic("POST", path, body, kind, **extra).status_code
    return status


def applications() -> int:
    with platform_scope():
        return Application.objects.count()


@pytest.mark.parametrize("path", PAGES)
def test_a_large_body_is_refused_before_it_is_read(path: str, settings: Settings) -> None:
    large = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1
    for kind, body in ((FORM, b"a=" + b"x" * large), (PARTS, FILE + b"x" * large + b"\r\n--x--\r\n")):
        assert post(path, body, kind) == 413
    assert post(path, b"a=b", FORM, CONTENT_LENGTH="99999999999") == 413
    assert post(path, b"a=b", FORM, CONTENT_LENGTH="-1") == 413
    assert applications() == 0


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, b"&".join(b"f%d=1" % number for number in range(1_500))),
        (FORM, b"login=%00&password=%00&lang=%00&language=%00&grant_type=%00"),
        (FORM, b"login=\xff\xfe&password=%ff%fe&language=\xed\xa0\x80"),
        (FORM, b"%" * 1_000 + b"=&&&==&"),
        (PARTS, b"--x\r\nContent-Disposition: form-data\r\n\r\nno name"),
        (PARTS, b"no boundary at all"),
        (PARTS, b""),
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=\xc3\xa9", b"--x--"),
        (PARTS, FILE.replace(b"f\"\r\n\r\n", b"\0/../../f\"\r\n\r\n") + b"x\r\n--x--\r\n"),
        (f"{FORM}; charset=utf-7", b"a=b"),
        ("text/plain; charset=nonsense", b"a=b"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read(path: str, kind: str, body: bytes) -> None:
    assert post(path, body, kind) < 500


def test_the_form_for_loan_books_has_a_limit_of_its_own(settings: Settings) -> None:
    settings.BOOK_BYTES_MAX, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 3_000, 1_000
    [page] = settings.PAGES_WITH_FILES
    body = FILE + b"x" * 2_500 + b"\r\n--x--\r\n"
    assert post(f"{page}do/hand_in/", body, PARTS) in (302, 404)
    assert post("/console/", body, PARTS) == 413
    assert post(f"{page}do/hand_in/", FILE + b"x" * 4_500 + b"\r\n--x--\r\n", PARTS) == 413
