"""An institution's own objects, one for each operation that names one by an id, each ready for that operation."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from hub.clock import now
from hub.tenancy import platform_scope, tenant_scope
from partners.delivery.models import Delivery
from partners.loans.models import Loan
from partners.products import credit_policies
from partners.referrals.facade import ReferralView
from risk.learning import services as learning
from risk.scoring import pins
from risk.scoring import services as scoring
from tests.partners.delivery.world import World, make_endpoint
from tests.partners.loan_factory import hand_in, life_of, loan_of, ndjson, over
from tests.partners.product_factory import MAKER, give_policy, make_live, make_product, policy_text
from tests.partners.referral_factory import approve, referral_of, show, sign
from tests.risk import factories as books
from tests.risk.batch_factory import line as person_line
from tests.risk.batch_factory import ndjson as ndjson_of_people
from tests.risk.batch_factory import scored as people_scored
from tests.risk.registry_factory import make_champion, make_line


@dataclass(frozen=True, slots=True)
class Ready:
    """An object's id, and a body that its owner may send to it."""

    id: UUID
    body: Any = None


Maker = Callable[[UUID], Ready]


def _product(institution_id: UUID) -> Ready:
    return Ready(make_product(institution_id).id, {"name": "Another name"})


def _with_policy(institution_id: UUID) -> Ready:
    product = make_product(institution_id)
    give_policy(product.id)
    return Ready(product.id, {"all": [{"fact": "grade", "op": "in", "value": ["A"], "code": "grade_a"}]})


def _drafted(institution_id: UUID) -> Ready:
    product = make_product(institution_id)
    with platform_scope():
        credit_policies.write_policy(product_id=product.id, text=policy_text(), actor=MAKER, now=now())
    return Ready(product.id)


def _submitted(institution_id: UUID) -> Ready:
    made = _drafted(institution_id)
    with platform_scope():
        credit_policies.submit_policy(product_id=made.id, actor=MAKER, now=now())
    return made


def _with_budget(institution_id: UUID) -> Ready:
    return Ready(make_live(institution_id).id, {"cap_amount": "500000.00", "cap_count": 7, "cap_expected_loss": None})


def _referral(institution_id: UUID) -> Ready:
    made = referral_of(institution_id)
    terms = {
        "amount": str(made.terms.amount), "months": made.terms.months,
        "annual_rate_percent": str(made.terms.annual_rate_percent), "fee_upfront": str(made.terms.fee_upfront),
    }  # fmt: skip
    return Ready(made.id, {"decision": "approve", "terms": terms})


def _approved(institution_id: UUID) -> ReferralView:
    made = referral_of(institution_id)
    approve(made)
    return made


def _signed(institution_id: UUID) -> Ready:
    made = _approved(institution_id)
    return Ready(made.id, {"terms_hash": sign(made, show(made).terms_hash).terms_hash})


def _loan(institution_id: UUID) -> Ready:
    made: Loan = loan_of(institution_id)
    return Ready(made.id, {"sequence": 1, "kind": "payment", "as_of": made.opened_on.isoformat(), "amount": "12.50"})


def _batch(institution_id: UUID) -> Ready:
    loan = loan_of(institution_id)
    content = ndjson([(loan, body) for body in life_of(loan)]) + b'{"loan_id": 1}\n'
    return Ready(hand_in(institution_id, content, when=over(loan)).id)


def _book(institution_id: UUID) -> Ready:
    return Ready(books.register(books.book_bytes(books.lines(3)), institution_id=institution_id).book.id)


def _training(institution_id: UUID) -> Ready:
    book = books.imported(books.book_bytes(books.lines(40)), institution_id=institution_id)
    with platform_scope():
        run = learning.request_training(line_id=book.line_id, requested_by=None, actor=MAKER, now=now())
        return Ready(run.id)


def _score(institution_id: UUID) -> Ready:
    make_champion(make_line())
    proof = scoring.ConsentReference("consent-1", "2026-01", now() - timedelta(days=1))
    with tenant_scope(institution_id):
        scored = scoring.score_person(
            institution_id=institution_id, line_name="consumer", person_reference="customer-1",
            consent_reference=proof, features={"income": 9000.0, "housing": "rent"}, actor=MAKER, now=now(),
        )  # fmt: skip
    return Ready(scored.decision.id)


def _score_batch(institution_id: UUID) -> Ready:
    make_champion(make_line())
    content = ndjson_of_people([person_line(1), "{"])
    return Ready(people_scored(content, bank=institution_id).id)


def _model(institution_id: UUID) -> Ready:
    return Ready(make_champion(make_line("own", institution_id)).id)


def _pinned(institution_id: UUID) -> Ready:
    made, until = _model(institution_id), now() + timedelta(days=9)
    with tenant_scope(institution_id):
        pins.pin(institution_id=institution_id, version_id=made.id, until=until, actor=MAKER, now=now())
    return Ready(made.id, {"until": until.isoformat()})


def _delivery(institution_id: UUID) -> Ready:
    world = World(institution_id)
    endpoint_id = make_endpoint(institution_id)
    world.happen()
    world.relay()
    with platform_scope():
        return Ready(Delivery.objects.filter(endpoint_id=endpoint_id).latest("id").id)


# What an id in a path stands for by its name; several objects where one operation reads several kinds.
_BY_NAME: dict[str, tuple[Maker, ...]] = {
    "batch_id": (_batch,),
    "book_id": (_book,),
    "delivery_id": (_delivery,),
    "endpoint_id": (lambda institution_id: Ready(make_endpoint(institution_id), {"description": "Another one"}),),
    "job_id": (_book, _training),
    "loan_id": (_loan,),
    "model_id": (_model,),
    "product_id": (_product,),
    "referral_id": (_referral,),
    "score_batch_id": (_score_batch,),
    "score_id": (_score,),
}
# Where an operation needs its object in another state, or takes another body.
_BY_PATH: dict[str, Maker] = {
    "/api/v1/models/{model_id}/pin": _pinned,
    "/api/v1/products/{product_id}/budget": _with_budget,
    "/api/v1/products/{product_id}/credit-policy": _with_policy,
    "/api/v1/products/{product_id}/credit-policy/submit": _drafted,
    "/api/v1/products/{product_id}/credit-policy/approve": _submitted,
    "/api/v1/referrals/{referral_id}/contract": lambda institution_id: Ready(_approved(institution_id).id),
    "/api/v1/referrals/{referral_id}/funding": _signed,
}


def makers_of(path: str) -> tuple[Maker, ...]:
    """Return what makes the objects of a path of the description; an id that nobody makes is a failure."""
    names = re.findall(r"{(\w+)}", path)
    assert len(names) == 1, f"{path}: teach tests.contract.objects to fill in {names}"
    assert names[0] in _BY_NAME, f"{path}: tests.contract.objects makes no {names[0]}"
    return (_BY_PATH[path],) if path in _BY_PATH else _BY_NAME[names[0]]
