"""The loop as a state machine: borrowers, lenders and time act in any order, by the services, on a real database.

The clock and the webhooks' transport are passed in. What a service refuses is no fault; what must always hold is looked
at after each life, by the checks that `manage.py check_invariants` runs.
"""

import itertools
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from hub import erasure, invariants, outbox, sealing
from hub.audit import client_actor, system_actor
from hub.clock import now
from hub.errors import DomainError
from hub.parsing import convert
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery import services as webhooks
from partners.delivery.feed import feed
from partners.delivery.sending import send_due
from partners.delivery.transport import Answer, Outgoing
from partners.loans import outcomes
from partners.loans import services as loans
from partners.loans.shapes import NewReport
from partners.products import budgets
from partners.referrals import endings, facade, lender
from partners.referrals.lender import FinalTerms, Verdict
from tests.factories import make_institution
from tests.partners.product_factory import make_live
from tests.partners.referral_factory import SHARE, decision, make_case, make_person

BORROWER, BANK, OPERATOR = system_actor("borrower"), client_actor("bank"), system_actor("operator")
PEOPLE = 3
ANSWERS = [Answer(204), Answer(204), Answer(500), Answer(429, retry_after="120"), Answer(None, "timeout"), Answer(410)]
VERDICTS = st.sampled_from(["approve"] * 5 + ["decline", "counter_offer"])
ENDINGS = st.sampled_from([""] * 6 + ["withdraw_referral", "withdraw"])
_number = itertools.count()


class Loop(RuleBasedStateMachine):
    """Two sandboxes of lenders with small budgets, three people, and whatever comes to their minds."""

    steps: ClassVar[int] = 0
    refused: ClassVar[int] = 0
    cases: Bundle[UUID] = Bundle("cases")
    offers: Bundle[facade.OfferView] = Bundle("offers")
    referrals: Bundle[facade.ReferralView] = Bundle("referrals")
    funded: Bundle[Any] = Bundle("funded")

    @initialize()
    def open_the_market(self) -> None:
        """Each life has a world of its own: rows of earlier lives stay, and must go on holding."""
        self.moment = now()
        self.world = make_institution()
        self.products = [
            make_live(
                self.world.id, name=f"Product {next(_number)}", grid={"A": "5", "B": str(9 + at), "C": "20"},
                caps={"cap_amount": str(120_000 + 50_000 * at), "cap_count": 3},
            ).id
            for at in range(2)
        ]  # fmt: skip
        self.people = [make_person() for _ in range(PEOPLE)]
        self.endpoint: UUID | None = None
        self.hashes: dict[UUID, str] = {}
        self.loans = 0
        self.made = [
            make_case(self.world, person_id=person, scored=decision(), at=self.moment).application_id
            for person in self.people[:2]
        ]

    def _try(self, deed: Callable[[], Any]) -> Any:
        """Do something that may be refused: None then."""
        try:
            return deed()
        except DomainError:
            type(self).refused += 1
            return None

    def _platform(self, deed: Callable[[], Any]) -> Any:
        # A refusal is caught within the scope, as the pages do: what it keeps is kept.
        with platform_scope():
            return self._try(deed)

    def _lender(self, deed: Callable[[], Any]) -> Any:
        def within() -> Any:
            with tenant_scope(self.world.id):
                return deed()

        return self._try(within)

    @invariant()
    def count(self) -> None:
        """Count the steps."""
        type(self).steps += 1

    # --- time ---------------------------------------------------------------------------------------------------------
    @rule(hours=st.sampled_from([1, 1, 5, 30, 24 * 15]))
    def pass_time(self, hours: int) -> None:
        """Let time pass, and what it brings with it."""
        self._wait(timedelta(hours=hours))

    @precondition(lambda self: self.loans > 0)
    @rule(days=st.sampled_from([31, 400]))
    def grow_older(self, days: int) -> None:
        """Let the windows of loans close."""
        self._wait(timedelta(days=days))

    def _wait(self, time: timedelta) -> None:
        self.moment += time
        self._platform(lambda: endings.expire_due(sandbox_id=self.world.id, now=self.moment))
        self._platform(lambda: outcomes.mature_outcomes(now=self.moment, institution_id=self.world.id))

    # --- the borrower -------------------------------------------------------------------------------------------------
    @rule(target=cases, who=st.integers(0, PEOPLE - 1), amount=st.sampled_from([20_000, 50_000, 110_000]))
    def apply(self, who: int, amount: int) -> Any:
        """Open an application; the second open one of a person is refused (I11)."""
        made = self._try(
            lambda: make_case(
                self.world, person_id=self.people[who], amount=Decimal(amount), scored=decision(), at=self.moment
            )
        )
        self.made += [made.application_id] if made else []
        return made.application_id if made else multiple()

    @rule(target=offers, case=cases)
    def match(self, case: UUID) -> Any:
        """Look for offers."""
        made = self._platform(lambda: facade.match(application_id=case, actor=BORROWER, now=self.moment))
        return multiple(*(made or ()))

    @rule(target=referrals, offer=offers)
    def accept(self, offer: facade.OfferView) -> Any:
        """Accept an offer, however old."""
        made = self._platform(
            lambda: facade.accept(
                offer_id=offer.id, application_id=offer.application_id, share_consent=SHARE, actor=BORROWER,
                now=self.moment,
            )
        )  # fmt: skip
        return made or multiple()

    @rule(
        referral=referrals, deed=st.sampled_from(["accept_counter", "decline_counter", "withdraw_referral", "withdraw"])
    )
    def answer(self, referral: facade.ReferralView, deed: str) -> None:
        """Answer a counter-offer, or go away."""
        call: Callable[..., Any] = getattr(facade, deed)
        self._platform(lambda: call(application_id=referral.application_id, actor=BORROWER, now=self.moment))

    @rule(referral=referrals, right=st.sampled_from([True, True, True, False]))
    def sign(self, referral: facade.ReferralView, right: bool) -> None:
        """Look at the final terms and sign them, or other ones."""
        case = referral.application_id
        shown = self._platform(lambda: facade.show_contract(application_id=case, actor=BORROWER, now=self.moment))
        if shown is None:
            return
        terms_hash = shown.terms_hash if right else "0" * 64
        signed = self._platform(
            lambda: facade.sign(
                application_id=case, typed_name="Chan Siu Ming", terms_hash=terms_hash, actor=BORROWER, now=self.moment
            )
        )
        assert signed is None or right
        self.hashes[shown.referral_id] = shown.terms_hash

    @rule(who=st.integers(0, PEOPLE - 1))
    def erase(self, who: int) -> None:
        """Erase a person; somebody new takes the place."""
        self._platform(lambda: erasure.erase_person(person_id=self.people[who], actor=OPERATOR, now=self.moment))
        self.people[who] = make_person()

    # --- the lender ---------------------------------------------------------------------------------------------------
    @rule(
        referral=referrals,
        kind=st.sampled_from(["approve", "approve", "approve", "decline", "counter_offer", "ask_for_more"]),
        factor=st.sampled_from([1, 1, 1, Decimal("0.8"), Decimal("1.2")]),
    )
    def decide(self, referral: facade.ReferralView, kind: str, factor: Decimal) -> None:
        """Decide, on the accepted terms or on others."""
        terms = referral.terms
        final = FinalTerms(terms.amount * factor, terms.months, terms.annual_rate_percent, terms.fee_upfront)
        verdict = Verdict(kind, final) if kind in ("approve", "counter_offer") else Verdict(kind, codes=("other",))
        self._lender(lambda: lender.decide(referral_id=referral.id, verdict=verdict, actor=BANK, now=self.moment))

    @rule(target=funded, referral=referrals, right=st.sampled_from([True, True, False]))
    def fund(self, referral: facade.ReferralView, right: bool) -> Any:
        """Pay out, with the signed terms or with other ones."""
        made = self._fund(referral.id, self.hashes.get(referral.id, "") if right else "0" * 64)
        assert made is None or right
        return made or multiple()

    @rule(target=funded, back=st.integers(0, 2), steps=st.integers(1, 7), kind=VERDICTS, then=ENDINGS)
    def go_on(self, back: int, steps: int, kind: str, then: str) -> Any:
        """Go on with one of the newest applications as is meant: at random hardly anybody comes to the money."""
        case, made = self.made[-1 - min(back, len(self.made) - 1)], None
        for _ in range(steps):
            view = self._platform(lambda: facade.case_view(application_id=case))
            made = self._next(view, kind) or made
        if then and view.referral:
            self.answer(view.referral, deed=then)
        return made or multiple()

    def _next(self, view: facade.CaseView, kind: str) -> Any:
        referral = view.referral
        if view.state == "open":
            return self.match(view.application_id) and None
        if view.state == "offered":
            return [self.accept(offer) for offer in view.offers if offer.state == "indicative"][:1] and None
        if referral is None or referral.state not in ("created", "countered", "approved", "signed"):
            return None
        if referral.state == "signed":
            return self._fund(referral.id, self.hashes.get(referral.id, ""))
        if referral.state == "approved":
            return self.sign(referral, right=True)
        if referral.state == "countered":
            return self.answer(referral, deed="accept_counter")
        return self.decide(referral, kind=kind, factor=Decimal(1))

    def _fund(self, referral_id: UUID, terms_hash: str) -> Any:
        made = self._lender(
            lambda: loans.fund(referral_id=referral_id, terms_hash=terms_hash, actor=BANK, now=self.moment)
        )
        self.loans += made is not None
        return made

    @rule(
        loan=funded, sequence=st.integers(1, 6), paid=st.sampled_from(["0", "2500", "60000"]),
        kind=st.sampled_from(["month_end", "month_end", "payment", "charged_off", "closed", "rescinded"]),
        corrects=st.booleans(),
    )  # fmt: skip
    def report(self, loan: Any, sequence: int, paid: str, kind: str, corrects: bool) -> None:
        """Report on a loan: in any order, twice, in contradiction."""
        body: dict[str, Any] = {"sequence": sequence, "kind": kind, "as_of": self.moment.date().isoformat()}
        body |= {"amount": paid} if kind == "payment" else {}
        if kind == "month_end":
            body |= {"paid_total": paid, "as_of": (self.moment.date().replace(day=1) - timedelta(days=1)).isoformat()}
        body |= {"corrects": sequence - 1} if corrects and sequence > 1 else {}
        self._lender(lambda: loans.report(loan_id=loan.id, new=convert(body, NewReport), actor=BANK, now=self.moment))

    @rule(at=st.integers(0, 1), amount=st.sampled_from([60_000, 400_000]))
    def set_caps(self, at: int, amount: int) -> None:
        """Set another budget; below what is reserved it is refused."""
        self._platform(
            lambda: budgets.set_budget(
                product_id=self.products[at], caps=convert({"cap_amount": str(amount)}, budgets.Caps), actor=OPERATOR,
                now=self.moment,
            )
        )  # fmt: skip

    # --- the machinery ------------------------------------------------------------------------------------------------
    @rule(state=st.sampled_from(["active", "active", "disabled", "removed"]))
    def listen(self, state: str) -> None:
        """Register an endpoint for webhooks, turn it off and on, remove it."""
        if self.endpoint is None:
            made = self._lender(
                lambda: webhooks.register_endpoint(
                    institution_id=self.world.id, url="https://bank.example.com/hooks", actor=BANK, now=self.moment,
                    resolve=lambda _name: ["93.184.216.34"],
                )
            )  # fmt: skip
            self.endpoint = made[0].id
        elif state == "removed":
            endpoint, self.endpoint = self.endpoint, None
            self._lender(lambda: webhooks.remove_endpoint(endpoint_id=endpoint, actor=BANK, now=self.moment))
        else:
            endpoint = self.endpoint
            self._lender(
                lambda: webhooks.change_endpoint(endpoint_id=endpoint, state=state, actor=BANK, now=self.moment)
            )

    @rule(answer=st.sampled_from(ANSWERS), handed=st.integers(0, 5))
    def beat(self, answer: Answer, handed: int) -> None:
        """Do a part of what the beat would do: relay, hand over, feed, send."""
        with platform_scope():
            outbox.relay(now=self.moment)
        for _ in range(handed):
            with platform_scope():
                outbox.hand_over_one(now=self.moment)
        with platform_scope():
            feed(now=self.moment)

        def transport(_outgoing: Outgoing) -> Answer:
            return answer

        send_due(scope=platform_scope, clock=lambda: self.moment, transport=transport)

    def teardown(self) -> None:
        """See whether everything holds."""
        with platform_scope():
            sealing.seal_batch(now=self.moment)
        broken = []
        with platform_scope():
            for check in invariants.declared():
                if check.code not in ("I5", "I6") and (found := check.find()).wrong:
                    broken.append((check.code, check.says, found.examples))
        if broken:
            raise AssertionError(f"broken: {broken}")
