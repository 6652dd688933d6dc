"""The console: every page opens for staff with a role and for nobody else; deeds ask for the right role."""

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hub import console, events, outbox
from hub.accounts.models import User
from hub.accounts.policies import Role
from hub.audit import AuditRow, system_actor
from hub.broker_models import BrokerDead, BrokerMessage
from hub.clock import now
from hub.crypto import DataKey
from hub.outbox import InboxEntry, OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions.models import Client as ApiClient
from risk.learning.models import LoanBook, TrainingRun
from risk.scoring.models import Decision, ModelVersion
from tests import console_world, people
from tests.console_world import World

pytestmark = pytest.mark.django_db
ACTOR = system_actor("tests")


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    people.quick_passwords(settings)


def staff(*roles: Role, admin: bool = False) -> Client:
    return people.signed_in(people.make(f"{uuid4().hex}@luopan.example", roles, admin=admin))


@pytest.fixture
def operator() -> Client:
    return staff(Role.OPERATOR)


@pytest.fixture
def officer() -> Client:
    return staff(Role.RISK_OFFICER)


@pytest.fixture
def auditor() -> Client:
    return staff(Role.AUDITOR)


@pytest.fixture
def world() -> World:
    return console_world.make()


def park() -> int:
    """An event whose subscriber failed too often."""
    with platform_scope():
        event_id = outbox.publish(events.PersonErased(uuid4(), None), actor=ACTOR, now=now())
        event = OutboxEvent.objects.get(id=event_id)
        entry = InboxEntry(event=event, subscriber="tests.nobody", due_at=now(), state=InboxEntry.PARKED, attempts=5)
        InboxEntry.objects.bulk_create([entry])
        return InboxEntry.objects.get().pk


def bury() -> int:
    """A message that the broker gave up on."""
    body = '{"headers": {"task": "a.task", "id": "7"}, "body": "c2VjcmV0"}'
    with platform_scope():
        dead = BrokerDead(
            queue="default", body=body, enqueued_at=now(), deliveries=5, reason="deliveries", parked_at=now()
        )
        dead.save()
        return int(dead.pk)


def pages() -> Iterator[str]:
    """The address of each list, and of the first row of each that has one."""
    yield reverse("admin:index")
    with platform_scope():
        for model in console.site._registry:
            name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            yield reverse(f"{name}_changelist")
            if row := model._default_manager.first():
                yield reverse(f"{name}_change", args=[row.pk])


def refusals(client: Client, path: str, data: dict[str, str] | None = None) -> int:
    """Post, and see that nothing but the session moved."""
    with platform_scope():
        before = AuditRow.objects.count(), OutboxEvent.objects.count()
    status = client.post(path, data or {}).status_code
    with platform_scope():
        assert (AuditRow.objects.count(), OutboxEvent.objects.count()) == before
    return status


def test_every_page_opens_for_each_role(world: World) -> None:
    park()
    bury()
    found = list(pages())
    assert len(found) >= 1 + 2 * 12  # the registered lists, each with a row
    for client in (staff(Role.AUDITOR), staff(Role.OPERATOR), staff(Role.RISK_OFFICER), staff(admin=True)):
        assert {path: client.get(path).status_code for path in found} == dict.fromkeys(found, 200)


def test_no_page_opens_for_others(world: World) -> None:
    found = list(pages())
    nobody, idle, member = Client(), staff(), people.signed_in(people.make("m@bank.example", institution_id=uuid4()))
    for client in (nobody, idle, member):
        assert {client.get(path).status_code for path in found} == {302}
    assert idle.get("/console/", follow=True).status_code == 403
    assert member.get("/console/", follow=True).status_code == 403


def test_foreign_admins_stay_out() -> None:
    rooms = {model._meta.app_label for model in console.site._registry}
    assert rooms == {
        "hub", "accounts", "institutions", "delivery", "products", "referrals", "scoring", "learning", "loans",
        "monitoring",
    }  # fmt: skip


def test_nothing_can_be_written_by_the_admins_own_forms(world: World) -> None:
    client = staff(admin=True)
    for model in console.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert refusals(client, reverse(f"{name}_add")) == 403
        with platform_scope():
            row = model._default_manager.first()
        if row is not None:
            assert refusals(client, reverse(f"{name}_delete", args=[row.pk])) == 403
            if model is not Decision:  # to look at one is written down
                assert refusals(client, reverse(f"{name}_change", args=[row.pk])) == 403


def test_an_auditor_changes_nothing(auditor: Client, world: World) -> None:
    deeds = [
        f"/console/hub/inboxentry/{park()}/do/again/",
        f"/console/hub/brokerdead/{bury()}/do/again/",
        f"/console/scoring/modelline/{world.line_id}/do/roll-back/",
        f"/console/scoring/modelline/{world.line_id}/do/train/",
        f"/console/scoring/decision/{world.decision_id}/do/erase/",
        f"/console/institutions/institution/{world.institution_id}/do/suspend/",
        "/console/institutions/institution/do/onboard/",
        "/console/learning/loanbook/do/hand-in/",
        "/console/accounts/user/do/open/",
    ]
    for path in deeds:
        assert auditor.get(path).status_code == 403, path
        assert refusals(auditor, path) == 403, path
    page = auditor.get(f"/console/institutions/institution/{world.institution_id}/change/").content.decode()
    assert "/do/" not in page


def test_roles_part_the_deeds(operator: Client, officer: Client, world: World) -> None:
    assert refusals(officer, f"/console/institutions/institution/{world.institution_id}/do/suspend/") == 403
    assert refusals(operator, f"/console/scoring/modelline/{world.line_id}/do/roll-back/") == 403
    assert refusals(operator, "/console/accounts/user/do/open/") == 403
    assert refusals(officer, "/console/accounts/user/do/open/") == 403


def test_a_parked_entry_is_tried_again(operator: Client) -> None:
    path = f"/console/hub/inboxentry/{park()}"
    assert b"Try again" in operator.get(f"{path}/change/").content
    assert operator.post(f"{path}/do/again/").status_code == 302
    with platform_scope():
        entry = InboxEntry.objects.get()
        assert (entry.state, entry.attempts) == ("waiting", 0)
        assert AuditRow.objects.filter(action="inbox.tried_again", actor_kind="user").count() == 1
    assert operator.post(f"{path}/do/again/").status_code == 404  # not offered any more


def test_a_dead_message_goes_back_to_its_queue(operator: Client) -> None:
    path = f"/console/hub/brokerdead/{bury()}"
    page = operator.get(f"{path}/change/").content.decode()
    assert "a.task" in page
    assert "c2VjcmV0" not in page
    assert operator.post(f"{path}/do/again/")["Location"] == "/console/hub/brokerdead/"
    with platform_scope():
        assert BrokerDead._default_manager.count() == 0
        assert BrokerMessage._default_manager.filter(queue="default", body__contains="a.task").count() == 1
    assert operator.post(f"{path}/do/again/").status_code == 404


def test_a_client_is_issued_with_its_secret_shown_once(operator: Client, world: World) -> None:
    path = f"/console/institutions/institution/{world.institution_id}/do/client/"
    answer = operator.post(path, {"name": "Night batch", "method": "client_secret", "scopes": ["scores:write"]})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    secret = answer.context["once"].lines[-1]
    assert secret[0] == "Client secret"
    assert len(secret[1]) >= 40
    for shown in (f"/console/institutions/institution/{world.institution_id}/change/", "/console/institutions/client/"):
        page = operator.get(shown).content.decode()
        assert "Night batch" in page
        assert secret[1] not in page


def test_a_client_is_given_limits_of_its_own(operator: Client, officer: Client, world: World) -> None:
    path = f"/console/institutions/institution/{world.institution_id}/do/client/"
    operator.post(path, {"name": "Night batch", "method": "client_secret", "scopes": ["scores:write"]})
    with platform_scope():
        client = ApiClient.objects.get(name="Night batch")
    path = f"/console/institutions/client/{client.pk}"
    refused = operator.post(f"{path}/do/limit/", {"per_minute": "0"}).content.decode()
    assert "Ensure this value is greater than or equal to 1" in refused
    assert officer.post(f"{path}/do/limit/", {"per_minute": "5"}).status_code == 403
    said = operator.post(f"{path}/do/limit/", {"per_minute": "600"}, follow=True).content.decode()
    assert "600 times a minute and 20,000,000 times a day" in said
    assert "600 requests a minute, 20,000,000 a day" in operator.get(f"{path}/change/").content.decode()
    with platform_scope():
        assert AuditRow.objects.filter(action="client.limited", actor_kind="user").count() == 1


def test_a_refusal_of_the_domain_is_told_beside_the_form(operator: Client) -> None:
    answer = operator.post("/console/institutions/institution/do/onboard/", {"name": "Bank", "jurisdiction": "h1"})
    assert answer.status_code == 200
    assert "Send two capital letters" in answer.content.decode()


def test_a_refusal_without_a_form_is_a_message(officer: Client, world: World) -> None:
    answer = officer.post(f"/console/scoring/modelline/{world.line_id}/do/roll-back/", follow=True)
    assert "has no earlier champion to go back to" in answer.content.decode()


def test_two_officers_promote_and_the_trainer_cannot(world: World, settings: Settings) -> None:
    settings.MODEL_NOTICE_DAYS = 0
    why = {"waiver": "Neither replayed nor tried beside the champion: a test."}
    trainer = people.make("trainer@luopan.example", [Role.RISK_OFFICER])
    version_id = console_world.register_again(world.version_id, trainer_id=trainer.id)
    path = f"/console/scoring/modelversion/{version_id}"
    client = people.signed_in(trainer)
    assert "You trained this version" in client.get(f"{path}/change/").content.decode()
    refused = client.post(f"{path}/do/approve/", follow=True)
    assert "Whoever trained a version cannot approve it" in refused.content.decode()
    with platform_scope():
        assert AuditRow.objects.filter(action="model.approval_refused").count() == 1
    rita, oscar = staff(Role.RISK_OFFICER), staff(Role.RISK_OFFICER)
    assert "One more person must approve" in rita.post(f"{path}/do/approve/", why, follow=True).content.decode()
    assert "second approval must be" in rita.post(f"{path}/do/approve/", why, follow=True).content.decode()
    assert "is the champion" in oscar.post(f"{path}/do/approve/", why, follow=True).content.decode()
    back = oscar.post(f"/console/scoring/modelline/{world.line_id}/do/roll-back/", follow=True)
    assert "Version 1 scores again" in back.content.decode()
    with platform_scope():
        assert ModelVersion.objects.get(state="champion").id == world.version_id


def test_the_validation_is_drawn(auditor: Client, world: World) -> None:
    page = auditor.get(f"/console/scoring/modelversion/{world.version_id}/change/").content.decode()
    for title in ("ROC curve", "Calibration", "Scores"):
        assert f"<title>{title}</title>" in page
    for measure in ("AUC", "KS", "Brier", "ECE"):
        assert f">{measure}</abbr>" in page
    assert "card_utilisation" in page


def test_a_decision_is_drawn_and_the_look_is_written_down(auditor: Client, world: World) -> None:
    page = auditor.get(f"/console/scoring/decision/{world.decision_id}/change/").content.decode()
    assert "<title>How this score came about</title>" in page
    assert "card_utilisation = 93" in page
    with platform_scope():
        seen = AuditRow.objects.get(action="decision.viewed")
    assert (seen.actor_kind, seen.subject_id) == ("user", str(world.decision_id))


def test_the_drawn_steps_add_up_to_the_recorded_score(auditor: Client, world: World) -> None:
    page = auditor.get(f"/console/scoring/decision/{world.decision_id}/change/").content.decode()
    told = re.search(r"<desc>Starting point ([-+.\d]+) log-odds of default\. (.*?)\. Score ([-+.\d]+)\.</desc>", page)
    assert told is not None
    steps = [float(value) for value in re.findall(r" ([-+]\d+\.\d+)(?:;|$)", told[2])]
    assert float(told[1]) + sum(steps) == pytest.approx(float(told[3]), abs=0.005 * (len(steps) + 2))
    with platform_scope():
        assert float(told[3]) == pytest.approx(Decision.objects.get().logit_micro / 1e6, abs=0.005)


def test_an_erased_person_is_gone_from_the_page(operator: Client, world: World) -> None:
    path = f"/console/scoring/decision/{world.decision_id}"
    assert operator.post(f"{path}/do/erase/").status_code == 302
    page = operator.get(f"{path}/change/").content.decode()
    assert "a replay answers “erased”" in page
    assert "card_utilisation" not in page
    assert operator.post(f"{path}/do/erase/").status_code == 404
    with platform_scope():
        assert DataKey.objects.filter(erased_at__isnull=False).count() == 1


def test_a_book_is_handed_in_once(officer: Client) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from risk.learning import demo_book

    text = "".join(demo_book.demo_csv(rows=300, seed=3)).encode()

    def form() -> dict[str, object]:
        file = SimpleUploadedFile("book.csv", text)
        return {"file": file, "known_mapping": "demo_consumer", "line_name": "retail"}

    said = officer.post("/console/learning/loanbook/do/hand-in/", form(), follow=True)
    assert "waits to be read" in said.content.decode()
    again = officer.post("/console/learning/loanbook/do/hand-in/", form(), follow=True)
    assert "nothing was changed" in again.content.decode()
    with platform_scope():
        book = LoanBook.objects.get(line__name="retail")
    path = f"/console/learning/loanbook/{book.id}/change/"
    assert 'http-equiv="refresh"' in officer.get(path).content.decode()
    early = officer.post(f"/console/scoring/modelline/{book.line_id}/do/train/", {"seed": 5})
    assert "has no book that is fully read" in early.content.decode()


def test_a_training_is_asked_for_and_cancelled(officer: Client, world: World) -> None:
    asked = officer.post(f"/console/scoring/modelline/{world.line_id}/do/train/", {"seed": 5}, follow=True)
    assert "waits for a worker" in asked.content.decode()
    with platform_scope():
        run = TrainingRun.objects.get(state="queued")
    assert run.seed == 5
    assert run.requested_by is not None
    path = f"/console/learning/trainingrun/{run.id}"
    assert 'http-equiv="refresh"' in officer.get(f"{path}/change/").content.decode()
    officer.post(f"{path}/do/cancel/")
    with platform_scope():
        assert TrainingRun.objects.get(id=run.id).state == "cancelled"
    assert 'http-equiv="refresh"' not in officer.get(f"{path}/change/").content.decode()


def test_a_book_without_a_mapping_is_sent_back(officer: Client) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    answer = officer.post(
        "/console/learning/loanbook/do/hand-in/", {"file": SimpleUploadedFile("b.csv", b"a,b\n"), "line_name": "retail"}
    )
    assert "Choose a mapping" in answer.content.decode()
    with platform_scope():
        assert not LoanBook.objects.filter(line__name="retail").exists()


def test_damaged_lines_are_listed(auditor: Client, world: World) -> None:
    page = auditor.get(f"/console/learning/loanbook/{world.book_id}/change/").content.decode()
    assert "1 damaged line" in page
    assert ">1502<" in page


def test_an_administrator_gives_out_an_account_that_works() -> None:
    chief = staff(admin=True)
    form = {"email": "New@luopan.example", "name": "New Person", "roles": ["risk officer"]}
    made = chief.post("/console/accounts/user/do/open/", form)
    (_, email), (_, password) = made.context["once"].lines
    person = people.Someone(UUID(int=0), email, password)
    assert people.signed_in(person).get("/console/").status_code == 200
    with platform_scope():
        assert User.objects.get(email="new@luopan.example").roles == {"risk officer"}
    taken = chief.post("/console/accounts/user/do/open/", form)
    assert "There is an account with this address already" in taken.content.decode()


def test_an_auditor_holds_no_other_role() -> None:
    form = {"email": "a@luopan.example", "name": "A", "roles": ["auditor", "operator"]}
    answer = staff(admin=True).post("/console/accounts/user/do/open/", form)
    assert "An auditor reads only" in answer.content.decode()
    with platform_scope():
        assert User.by_email("a@luopan.example") is None


def test_secrets_of_accounts_are_on_no_page() -> None:
    chief, someone = staff(admin=True), people.make("someone@luopan.example", [Role.OPERATOR])
    people.signed_in(someone)
    with platform_scope():
        password = User.objects.get(id=someone.id).password
    for path in ("/console/accounts/user/", f"/console/accounts/user/{someone.id}/change/"):
        page = chief.get(path).content.decode()
        assert "someone@luopan.example" in page
        assert "TOTP" in page.upper()
        assert someone.secret not in page
        assert password not in page


def test_nobody_closes_the_own_account() -> None:
    chief = staff(admin=True)
    with platform_scope():
        me = User.objects.get(is_superuser=True)
    answer = chief.post(f"/console/accounts/user/{me.id}/do/close/", follow=True)
    assert "Nobody closes the own account" in answer.content.decode()
    with platform_scope():
        assert User.objects.get(id=me.id).is_active


def test_deeds_need_a_token_against_foreign_pages(operator: Client, world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator.cookies
    assert refusals(strict, f"/console/institutions/institution/{world.institution_id}/do/suspend/") == 403


def test_the_policy_is_relaxed_for_the_console_alone(operator: Client) -> None:
    console_policy = operator.get("/console/")["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval'" in console_policy
    assert "unsafe-inline" not in console_policy
    for path in ("/", "/accounts/2fa/"):
        assert "unsafe" not in operator.get(path)["Content-Security-Policy"]


def test_the_start_page_leads_on() -> None:
    page = Client().get("/").content.decode()
    assert 'href="/console/"' in page
    assert 'href="/api/docs/"' in page
