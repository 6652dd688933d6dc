"""One loan, all the way round: from the landing page to a score by the model that learnt how it turned out.

Borrowers are in Chromium, the bank is an HTTP client with a webhook receiver of its own, time is the sandbox's clock,
and whatever happens in between is done by web, worker and beat processes.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext

from hub.audit import user_actor
from hub.clock import now
from hub.errors import Forbidden
from hub.outbox import InboxEntry, OutboxEvent
from hub.tenancy import platform_scope
from partners.institutions.queries import InstitutionView
from partners.referrals import facade as referrals
from risk.learning import services
from risk.learning.demo_book import demo_csv
from risk.learning.models import LoanBook, OutcomeEntry, TrainingRun
from risk.learning.shipped import mapping_text
from risk.scoring import facade as scoring
from risk.scoring import registry
from risk.scoring.models import ModelVersion
from tests import factories
from tests.acquisition.journey.borrowers import GOOD
from tests.console_world import QUICK
from tests.journeys.conftest import Visitor
from tests.journeys.lender import Account, Lender, day_before
from tests.journeys.rest import RestClient
from tests.journeys.walks import NAME, Walk, accept, answer, begin, no_faults, prove
from tests.partners.receiver import Receiver, receiving
from tests.stack import Stack, until

ROWS = 1500
WAIVER = "Two loans are no proof: the line is watched instead."
SINGLY = 6  # months whose reports come one by one; the next ones come in one file
STRAINED: dict[str, Any] = {
    **GOOD, "amount": 40_000, "term": 12, "housing": "rent", "essential_spending": 7_000, "monthly_income": 22_000,
    "employment_years": 3.0,
    "card_utilisation": 45.0, "inquiries_6m": 2, "history_months": 60,
}  # fmt: skip
Labels = list[tuple[str, str, int]]


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path) -> Iterator[Stack]:
    """Web, workers and beat."""
    made = Stack(tmp_path)
    yield made
    made.close()


@pytest.fixture
def enter(
    transactional_db: None, browser: Browser, browser_thread: ThreadPoolExecutor
) -> Iterator[Callable[[str], Walk]]:
    """Let somebody without a past open a browser on a server."""
    contexts: list[BrowserContext] = []

    def made(address: str) -> Walk:
        context: Any = browser_thread.submit(browser.new_context).result(60)
        contexts.append(context)
        return Walk(Visitor(browser_thread, context, address), "en", looks=False)

    yield made
    for context in contexts:
        browser_thread.submit(context.close).result(60)


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_the_loop_closes(stack: Stack, enter: Callable[[str], Walk], hooks: Receiver) -> None:
    bank, lender = open_bank(stack, hooks)
    address = lender.desk.address
    lender.listen()
    lender.launch()
    trainer = uuid4()
    first = promote(train(read_first_book(), trainer), trainer)

    payer = borrow(enter(address), bank, lender, GOOD, phone="9123 4567", pays_until=24)
    defaulter = borrow(enter(address), bank, lender, STRAINED, phone="9123 9999", pays_until=1)
    refuses_a_wrong_signature(stack, hooks)
    assert {version_of(one.loan["application_id"]) for one in (payer, defaulter)} == {first.id}
    live_through_the_window(lender, payer, defaulter)

    second = promote(train(first.line_id, trainer), trainer)
    assert (second.number, second.report["outcomes"]["rows"], first.report["outcomes"]["rows"]) == (2, 2, 0)
    assert (second.report["rows"], first.report["rows"]) == (first.report["rows"] + 2, first.report["rows"])

    made = apply(enter(address), bank, lender, GOOD, phone="9123 5555")[0]
    assert version_of(made) == second.id != first.id
    replays_identically(payer.loan["application_id"], defaulter.loan["application_id"], made)
    same_in_log_and_webhooks(lender)


# --- the platform's people --------------------------------------------------------------------------------------------


def open_bank(stack: Stack, hooks: Receiver) -> tuple[InstitutionView, Lender]:
    """Start everything; onboard a bank with a sandbox and two clients of its own."""
    for words in (("worker", "default", "delivery"), ("worker", "training"), ("beat",)):
        stack.start(*words)
    bank = factories.make_institution()
    keys = [factories.make_client_and_secret(bank) for _ in range(2)]
    address = stack.web()
    desk, checker = (RestClient(stack, address, client.client_id, secret) for client, secret in keys)
    return bank, Lender(desk, checker, hooks)


def read_first_book() -> UUID:
    """Hand the first book of the sandboxes' line in and have a worker read it; return the line."""
    with platform_scope():
        book = services.register_book(
            chunks=["".join(demo_csv(rows=ROWS, seed=7)).encode()], mapping_text=mapping_text("demo_consumer"),
            line_name=scoring.SANDBOX_LINE, institution_id=None, actor=user_actor(uuid4()), now=now(),
        ).book  # fmt: skip
    until(lambda: row(LoanBook, book.id).state == "read", within_s=40, what="a worker reads the first book")
    return book.line_id


def train(line_id: UUID, trainer: UUID) -> ModelVersion:
    """Ask for a training and let the training worker carry it out; return the new version."""
    with platform_scope():
        run = services.request_training(
            line_id=line_id, requested_by=trainer, actor=user_actor(trainer), now=now(), recipe=QUICK
        )
    until(lambda: row(TrainingRun, run.id).state in ("done", "failed"), within_s=60, what="a worker trains")
    done = row(TrainingRun, run.id)
    assert done.version_id is not None, done.failure
    version: ModelVersion = row(ModelVersion, done.version_id)
    return version


def promote(version: ModelVersion, trainer: UUID) -> ModelVersion:
    """Let two people approve a version: who trained it is refused, and who sets a criterion aside says why."""
    with pytest.raises(Forbidden), platform_scope():
        registry.approve_version(version_id=version.id, user_id=trainer, now=now())
    for _ in range(2):
        assert row(ModelVersion, version.id).state == "challenger"
        with platform_scope():
            registry.approve_version(version_id=version.id, user_id=uuid4(), waiver=WAIVER, now=now())
    found: ModelVersion = row(ModelVersion, version.id)
    assert found.state == "champion"
    return found


def row(table: Any, row_id: UUID) -> Any:
    with platform_scope():
        return table.objects.get(id=row_id)


def version_of(application_id: UUID | str) -> UUID:
    """Which version scored an application."""
    with platform_scope():
        case = referrals.case_view(application_id=UUID(str(application_id)))
        return scoring.read_application(decision_id=case.decision_id).version_id


def replays_identically(*applications: UUID | str) -> None:
    with platform_scope():
        for one in applications:
            case = referrals.case_view(application_id=UUID(str(one)))
            assert scoring.replay_application(decision_id=case.decision_id) == "identical"


# --- from the landing page to the loan --------------------------------------------------------------------------------


def apply(
    walk: Walk, bank: InstitutionView, lender: Lender, answers: dict[str, Any], *, phone: str
) -> tuple[UUID, str]:
    """Apply, accept the best offer and share; return the application and the referral that the bank is told of."""
    walk.visitor.open("/")
    walk.follow("Apply for a loan")
    walk.heading("Apply for a loan")
    made = begin(walk, bank)
    answer(walk, answers)
    prove(walk, made, phone)
    walk.heading("Check your answers")
    walk.press("See my offers")
    walk.heading("Your offers")
    accept(walk, made)
    told = lender.told("referral.created", application_id=str(made))
    package = lender.desk.send("GET", f"/referrals/{told['subject_id']}").json()["package"]
    assert package["facts"]["monthly_income"] == answers["monthly_income"]
    assert package["contact"]["name"] == NAME
    no_faults(walk)
    return made, told["subject_id"]


def borrow(
    walk: Walk, bank: InstitutionView, lender: Lender, answers: dict[str, Any], *, phone: str, pays_until: int
) -> Account:
    """The whole way to a funded loan, which the bank funds only once it is signed."""
    made, referral_id = apply(walk, bank, lender, answers, phone=phone)
    contract = lender.approve(referral_id)
    cannot_fund_yet(lender, contract)
    walk.follow("Look again")
    walk.heading("Your contract")
    sheet = walk.visitor.run(lambda page: page.locator(".sheet").inner_text()).replace("\u00a0", " ")
    for name in ("instalment", "last_instalment", "total_interest", "total_cost", "total_payable"):
        assert f"HKD {float(contract['terms'][name]):,.2f}" in sheet
    assert f"{contract['terms']['apr_percent']}%" in sheet
    cannot_fund_yet(lender, contract)
    walk.fill({"typed_name": NAME})
    walk.press("Sign the contract")
    walk.heading("Signed")
    lender.told("contract.signed", referral_id=referral_id, terms_hash=contract["terms_hash"])
    account = lender.fund(contract, pays_until=pays_until)
    assert account.loan["application_id"] == str(made)
    walk.follow("Look again")
    walk.heading("The loan is paid out")
    no_faults(walk)
    return account


def cannot_fund_yet(lender: Lender, contract: dict[str, Any]) -> None:
    """To fund without a signature is a conflict, and changes nothing."""
    place = f"/referrals/{contract['referral_id']}"

    def seen() -> list[Any]:
        return [lender.desk.send("GET", path).json() for path in (place, f"{place}/contract", "/loans")]

    before = seen()
    refused = lender.desk.send("POST", f"{place}/funding", {"terms_hash": contract["terms_hash"]}, expect=409).json()
    assert [one["code"] for one in refused["errors"]] == ["not_signed"]
    assert seen() == before


# --- from the loan to its label ---------------------------------------------------------------------------------------


def live_through_the_window(lender: Lender, payer: Account, defaulter: Account) -> None:
    """Month by month: no label before the window has closed, and then none without the reports that it needs."""
    both = (payer, defaulter)
    ends = [end for end in payer.month_ends if end < payer.matures_on]
    late = [live_singly(lender, both, end) for end in ends[:SINGLY]]
    assert late[0] == 0
    assert late[-1] > 80
    lender.pass_to(ends[-1])
    for_file = [(one, report) for one in both for end in ends[SINGLY:-1] for report in one.month(end)]
    lender.report_in_bulk([*for_file, *((defaulter, report) for report in defaulter.month(ends[-1]))])
    eve = day_before(payer.matures_on)
    if eve > ends[-1]:
        lender.pass_to(eve)
    assert lender.check_lateness(defaulter, eve) > 300
    all_is_handled()
    assert (labels(), matured(lender)) == ([], {}), "the window is open"

    today = lender.pass_to(max(payer.matures_on, payer.month_ends[-1]))
    lender.told("outcome.matured", subject_id=defaulter.id, label="bad")
    all_is_handled()
    assert labels() == [(defaulter.id, "bad", 1)], "who pays is not known to be good: his last months are not reported"
    for end in payer.month_ends[len(ends) - 1 :]:
        lender.report(payer, payer.month(end))
    assert lender.check_lateness(payer, today) == 0
    lender.told("outcome.matured", subject_id=payer.id, label="good")
    all_is_handled()
    assert labels() == [(defaulter.id, "bad", 1), (payer.id, "good", 1)]
    assert matured(lender) == {defaulter.id: "bad", payer.id: "good"}
    assert [lender.loan(one.id)["outcome"]["label"] for one in both] == ["good", "bad"]


def live_singly(lender: Lender, both: tuple[Account, Account], end: date) -> int:
    """Let a month pass and report on both loans, one report after the other; return how late the second one is."""
    lender.pass_to(end)
    for account in both:
        lender.report(account, account.month(end))
    payer, defaulter = both
    assert lender.check_lateness(payer, end) == 0
    return lender.check_lateness(defaulter, end)


def labels() -> Labels:
    """The loans, labels and revisions in the label ledger, in the order of their entry."""
    with platform_scope():
        rows = OutcomeEntry.objects.order_by("id").values_list("loan_id", "label", "revision")
        return [(str(loan_id), label, revision) for loan_id, label, revision in rows]


def matured(lender: Lender) -> dict[str, str]:
    """The outcomes that stand in the bank's event log."""
    return {one["subject_id"]: one["data"]["label"] for one in lender.log() if one["type"] == "outcome.matured"}


def all_is_handled() -> None:
    """Wait until every event has its position and every subscriber has done its part."""

    def quiet() -> bool:
        with platform_scope():
            moving = OutboxEvent.objects.filter(position=None).exists()
            return not moving and not InboxEntry.objects.filter(state=InboxEntry.WAITING).exists()

    until(quiet, within_s=15, what="all events are handled")
    with platform_scope():
        assert not InboxEntry.objects.filter(state=InboxEntry.PARKED).exists()


# --- webhooks ---------------------------------------------------------------------------------------------------------


def refuses_a_wrong_signature(stack: Stack, hooks: Receiver) -> None:
    """The receiver takes what the platform signed, and nothing that was changed on the way."""
    assert [one.refusal for one in hooks.requests if one.refusal] == []
    taken, before = hooks.requests[-1], hooks.events
    signed = {name: taken.headers[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}
    changed = taken.body.replace(b'"id"', b'"ID"', 1)
    assert changed != taken.body
    forged = {**signed, "webhook-id": str(uuid4())}
    for body, headers in ((changed, signed), (taken.body, forged), (taken.body, {})):
        assert stack.ask("POST", hooks.url, body, headers).status == 401
        assert hooks.requests[-1].refusal
    assert stack.ask("POST", hooks.url, taken.body, signed).status == 204
    assert hooks.events == before


def same_in_log_and_webhooks(lender: Lender) -> None:
    """Every event of the log since the endpoint was there came as a webhook too, with the same id and body."""
    begun = min(event["position"] for event in lender.hooks.events)
    told = [one for one in lender.log() if one["position"] >= begun]
    log = {one["id"]: one for one in told if one["subject_type"] not in ("webhook_endpoint", "delivery")}

    def heard() -> dict[str, Any]:
        return {one["id"]: one for one in lender.hooks.events}

    until(lambda: log.keys() <= heard().keys(), within_s=15, what="all webhooks come")
    assert {name: heard()[name] for name in log} == log
    sent = {(one.id, one.body) for one in lender.hooks.requests if not one.refusal}
    assert len(sent) == len(heard()), "what is sent again is the same"
