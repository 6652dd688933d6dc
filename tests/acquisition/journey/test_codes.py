"""One-time codes: hashed, limited, good once, and lying where development reads them."""

import stat
from datetime import timedelta
from uuid import UUID

import pytest
from pytest_django import Settings

from acquisition.journey import codes, gateway, services
from acquisition.journey.models import Application, Borrower, OneTimeCode
from hub.clock import now
from hub.errors import Invalid, TooMany, Unavailable
from hub.tenancy import platform_scope
from tests.acquisition.journey import borrowers
from tests.factories import make_institution

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def application() -> UUID:
    return borrowers.begin()


def ask(application_id: UUID, phone: str = borrowers.PHONE, *, after: timedelta = timedelta()) -> None:
    with platform_scope():
        services.send_code(application_id=application_id, phone=phone, now=now() + after)


def guess(application_id: UUID, digits: str, *, after: timedelta = timedelta()) -> str:
    """Return the fault's code, "" where the guess was right."""
    with platform_scope():
        try:
            services.prove_phone(application_id=application_id, digits=digits, now=now() + after)
        except Invalid as refusal:
            return refusal.errors[0].code
    return ""


def wrong(application_id: UUID) -> str:
    return f"{(int(borrowers.code_of(application_id)) + 1) % 10**6:06d}"


def test_the_console_writes_for_its_owner_alone(application: UUID) -> None:
    ask(application)
    path = gateway.code_folder() / str(application)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(path.read_text()) == codes.DIGITS
    with platform_scope():
        kept = OneTimeCode.objects.get()
        assert path.read_text().encode() not in bytes(kept.digest)


def test_the_right_code_proves_once(application: UUID) -> None:
    ask(application)
    right = borrowers.code_of(application)
    assert guess(application, right) == ""
    assert guess(application, "000000") == ""  # a repeat of what is done changes nothing
    with platform_scope():
        assert OneTimeCode.objects.get().attempts == 1
        assert Borrower.objects.count() == 1


def test_five_wrong_guesses_spend_a_code(application: UUID) -> None:
    ask(application)
    assert [guess(application, wrong(application)) for _ in range(5)] == ["wrong_code"] * 5
    assert guess(application, borrowers.code_of(application)) == "code_spent"
    with platform_scope():
        assert Application.objects.get().borrower_id is None


def test_a_code_is_good_for_ten_minutes(application: UUID) -> None:
    ask(application)
    assert guess(application, borrowers.code_of(application), after=timedelta(minutes=10)) == "code_spent"
    assert guess(application, borrowers.code_of(application), after=timedelta(minutes=9)) == ""


def test_only_the_newest_code_counts(application: UUID) -> None:
    ask(application)
    first = borrowers.code_of(application)
    ask(application, after=timedelta(seconds=31))
    if first != borrowers.code_of(application):
        assert guess(application, first) == "wrong_code"
    assert guess(application, borrowers.code_of(application)) == ""


def test_a_code_proves_the_number_that_it_went_to(application: UUID) -> None:
    ask(application)
    first = borrowers.code_of(application)
    ask(application, "+85298765432")
    if first != borrowers.code_of(application):
        assert guess(application, first) == "wrong_code"
    assert guess(application, borrowers.code_of(application)) == ""
    with platform_scope():
        assert Borrower.objects.get().phone() == "+85298765432"


def test_no_code_was_asked_for(application: UUID) -> None:
    assert guess(application, "123456") == "code_spent"


def test_codes_of_one_number_are_limited_over_all_applications(application: UUID) -> None:
    ask(application)
    with pytest.raises(TooMany) as refusal:
        ask(application)
    assert refusal.value.retry_after_s in range(1, 31)
    for turn in range(1, 5):
        ask(borrowers.begin(), after=timedelta(seconds=40 * turn))
    with pytest.raises(TooMany) as refusal:
        ask(borrowers.begin(), after=timedelta(minutes=5))
    assert refusal.value.retry_after_s in range(3200, 3301)
    with platform_scope():
        assert OneTimeCode.objects.count() == 5
    ask(borrowers.begin(), after=timedelta(minutes=61))


def test_production_without_a_service_sends_nothing(application: UUID, settings: Settings) -> None:
    settings.PRODUCTION = True
    with pytest.raises(Unavailable):
        ask(application)
    with platform_scope():
        assert OneTimeCode.objects.count() == 0
    sandbox = borrowers.begin(sandbox_id=make_institution().id)
    ask(sandbox)
    assert borrowers.code_of(sandbox).isdigit()


class Post:
    """A text message service that keeps what it was given."""

    sent: list[tuple[str, str]] = []

    def send(self, *, application_id: UUID, phone: str, digits: str, text: str) -> None:
        """Keep it."""
        self.sent.append((phone, text.replace(digits, "######")))


def test_an_operators_service_gets_the_text_in_the_borrowers_language(application: UUID, settings: Settings) -> None:
    settings.CODE_GATEWAY = f"{__name__}.Post"
    with platform_scope():
        services.save_answers(
            application_id=application, step="purpose", answers={"purpose": "tax"}, language="zh-hant", now=now()
        )
    ask(application)
    [(phone, text)] = Post.sent
    assert phone == borrowers.PHONE
    assert "######" in text
    assert "驗證碼" in text
