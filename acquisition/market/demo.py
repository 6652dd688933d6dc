"""The demonstration: people who can sign in, lenders with products, an API client, a book, a champion.

Safe to run again: what is there stays as it is.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from allauth.mfa.totp.internal import auth as totp

from acquisition.market import demo_lenders, demo_people
from hub.accounts import services as accounts
from hub.accounts.models import User
from hub.accounts.policies import Role
from hub.audit import system_actor, user_actor
from hub.clock import now
from hub.tenancy import platform_scope
from partners.institutions import facade as institutions
from risk.learning import facade as learning
from risk.scoring import facade as scoring

ACTOR = system_actor("demo")
LINE = "consumer"
BOOK_ROWS = 6000
BOOK_SEED = 20261122
TRAINER = "tara@demo.luopan.example"
APPROVERS = ("rita@demo.luopan.example", "oscar@demo.luopan.example")
PEOPLE: dict[str, tuple[str, tuple[Role, ...]]] = {
    "olivia@demo.luopan.example": ("Olivia Operator", (Role.OPERATOR,)),
    TRAINER: ("Tara Trainer", (Role.RISK_OFFICER,)),
    APPROVERS[0]: ("Rita Risk", (Role.RISK_OFFICER,)),
    APPROVERS[1]: ("Oscar Officer", (Role.RISK_OFFICER,)),
}
BANK = "Harbour Bank (sandbox)"
SCOPES = (
    "institution:read", "products:write", "policy:write", "referrals:read", "decisions:write", "loans:report",
    "scores:write", "books:write", "events:read", "webhooks:manage",
)  # fmt: skip
Say = Callable[[str], None]


@dataclass(frozen=True)
class SignIn:
    """One way in: `secret` is the authenticator's of a person, or the client's."""

    login: str
    name: str
    password: str
    secret: str


class Notebook:
    """The demonstration's sign-ins, in a file that only its owner may read."""

    def __init__(self, home: Path) -> None:
        self.path = home / "demo.json"
        known = json.loads(self.path.read_text()) if self.path.exists() else []
        self.sign_ins = {entry["login"]: SignIn(**entry) for entry in known}

    def add(self, sign_in: SignIn) -> None:
        """Keep one more sign-in; the file is whole at every moment."""
        self.sign_ins[sign_in.login] = sign_in
        draft = self.path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump([asdict(entry) for entry in self.sign_ins.values()], file, indent=1)
        draft.replace(self.path)


def prepare(*, home: Path, say: Say) -> Notebook:
    """Make whatever is missing and return the sign-ins."""
    notebook = Notebook(home)
    for email, (name, roles) in PEOPLE.items():
        if email not in notebook.sign_ins:
            notebook.add(_person(email, name, roles))
    _lenders()
    _bank(notebook)
    with platform_scope():
        ready = scoring.champion_ready()[0]
    if not ready:
        _champion(say)
    return notebook


def code_of(sign_in: SignIn) -> str:
    """Return the authenticator's code of this moment."""
    counter = next(iter(totp.yield_hotp_counters_from_time()))
    return str(totp.format_hotp_value(totp.hotp_value(sign_in.secret, counter)))


def _person(email: str, name: str, roles: Sequence[Role]) -> SignIn:
    secret = totp.generate_totp_secret()
    with platform_scope():
        user = User.by_email(email)
        if user is None:
            password = accounts.open_account(email=email, name=name, roles=roles, actor=ACTOR, now=now()).password
            user = User.objects.get(email=email)
        else:  # made by a start that was cut off before it wrote the password down
            password = accounts.renew_password(user_id=user.id, actor=ACTOR, now=now())
            accounts.reset_second_factor(user_id=user.id, actor=ACTOR, now=now())
        totp.TOTP.activate(user, secret)
    return SignIn(email, name, password, secret)


def grow(*, home: Path, applicants: int, say: Say) -> None:
    """Let simulated borrowers live through the months behind us, and train a challenger on what came of them.

    It waits in the console for two people's approval.
    """
    if not demo_people.grow(home=home, applicants=applicants, now=now(), say=say):
        return
    with platform_scope():
        line = scoring.find_line(name=LINE, institution_id=None)
        trainer = _id(TRAINER)
    learning.train_line(
        line_id=line.id, requested_by=trainer, scope=platform_scope, clock=now, actor=ACTOR, say=lambda _: None
    )


def _lenders() -> None:
    """The lenders were there before the first of their simulated borrowers."""
    with platform_scope():
        maker, checker = (user_actor(_id(email)) for email in (TRAINER, APPROVERS[0]))
        first = demo_people.first_month(now())
        moment = datetime(first.year, first.month, 1, tzinfo=UTC)
        demo_lenders.prepare(maker=maker, checker=checker, actor=ACTOR, now=moment)


def _bank(notebook: Notebook) -> None:
    if any("@" not in login for login in notebook.sign_ins):
        return
    with platform_scope():
        [sandbox] = [view for view in institutions.all_institutions() if view.name == BANK]
        client, secret = institutions.issue_client(
            institution_id=sandbox.id, name="Demo", method="client_secret", scopes=SCOPES, actor=ACTOR, now=now()
        )
    notebook.add(SignIn(client.client_id, f"{BANK}, API client", "", secret))


def _champion(say: Say) -> None:
    book = learning.take_book(
        chunks=learning.generated_book(rows=BOOK_ROWS, seed=BOOK_SEED), mapping="demo_consumer", line_name=LINE,
        institution_id=None, scope=platform_scope, clock=now, actor=ACTOR, say=lambda _: None,
    )  # fmt: skip
    say(f"demo book: {book.rows} loans in the ledger; training the first model")
    with platform_scope():
        line = scoring.find_line(name=LINE, institution_id=None)
        trainer, *approvers = (_id(email) for email in (TRAINER, *APPROVERS))
    trained = learning.train_line(
        line_id=line.id, requested_by=trainer, scope=platform_scope, clock=now, actor=ACTOR, say=lambda _: None
    )
    if trained.version_id is None:
        raise RuntimeError(f"the demo model could not be trained: {trained.failure}")
    for user_id in approvers:
        with platform_scope():
            scoring.approve_version(version_id=trained.version_id, user_id=user_id, now=now())
    say("demo model: trained, approved by two, champion")


def _id(email: str) -> UUID:
    return User.objects.values_list("id", flat=True).get(email=email)
