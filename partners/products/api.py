"""REST: products, their credit policies and budgets. Changes of a version need If-Match."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import path
from rest_framework.request import Request

from hub.api import Reply, Resource, caller, decode, endpoint
from hub.clock import now
from hub.errors import Conflict, Forbidden, Invalid, Malformed, PreconditionFailed, PreconditionRequired
from hub.lists import page
from hub.versions import Match
from partners.products import budgets, credit_policies, queries, serializers, services
from partners.products.budgets import Caps
from partners.products.models import Budget, Product
from partners.products.policy import PolicyText
from partners.products.serializers import BudgetAnswer, PolicyAnswer, ProductAnswer, ProductPage
from partners.products.terms import ProductChange, ProductTerms

_MATCHED = (PreconditionFailed, PreconditionRequired, Malformed)


def _product(product: Product, status: int = 200) -> Reply:
    headers = {"ETag": services.product_tag(product)}
    if status == 201:
        headers["Location"] = f"/api/v1/products/{product.id}"
    return Reply(serializers.product_answer(product), status=status, headers=headers)


class ProductsResource(Resource):
    """The caller's products."""

    @endpoint(
        scope="products:write", answer=ProductPage,
        examples={"response": {"items": [serializers.PRODUCT], "next": None}},
    )  # fmt: skip
    def get(self, request: Request) -> Reply:
        """List the institution's products, closed ones included, oldest first."""
        return page(request, queries.products(), serializers.product_answer)

    @endpoint(
        scope="products:write", idempotent=True, body=ProductTerms, answer=ProductAnswer, status=201,
        examples={"request": serializers.PRODUCT_TERMS, "response": serializers.PRODUCT},
    )  # fmt: skip
    def post(self, request: Request) -> Reply:
        """Draft a product. It is offered once it has a live credit policy, a budget, and is set live."""
        client = caller(request)
        terms = decode(request, ProductTerms)
        product = services.open_product(
            institution_id=client.institution_id, terms_=terms, actor=client.actor, now=now(client.institution_id)
        )  # fmt: skip
        return _product(product, 201)


class ProductResource(Resource):
    """One product."""

    @endpoint(scope="products:write", answer=ProductAnswer, examples={"response": serializers.PRODUCT})
    def get(self, request: Request, product_id: UUID) -> Reply:  # noqa: ARG002 - the scope is in the transaction
        """Read a product; its ETag is what a change must match."""
        return _product(queries.product_by_id(product_id))

    @endpoint(
        scope="products:write", body=ProductChange, answer=ProductAnswer, raises=(*_MATCHED, Conflict),
        examples={"request": {"amount_max": "200000.00", "state": "live"}, "response": serializers.PRODUCT},
    )  # fmt: skip
    def patch(self, request: Request, product_id: UUID) -> Reply:
        """Change terms or state of a product. Live needs an approved credit policy, with a rate for each grade."""
        queries.product_by_id(product_id)
        match, change = Match.of(request), decode(request, ProductChange)
        return _product(
            services.change_product(
                product_id=product_id,
                change=change,
                match=match,
                actor=caller(request).actor,
                now=now(caller(request).institution_id),
            )
        )


def _policy(product_id: UUID) -> Reply:
    newest = queries.newest_policy(product_id)
    answer = serializers.policy_answer(queries.live_policy(product_id), queries.open_policy(product_id))
    return Reply(answer, headers={"ETag": credit_policies.policy_tag(newest)})


class PolicyResource(Resource):
    """The credit policy of a product."""

    @endpoint(scope="policy:write", answer=PolicyAnswer, examples={"response": serializers.POLICY})
    def get(self, request: Request, product_id: UUID) -> Reply:  # noqa: ARG002 - as above
        """Read the version that decides and the one in the making."""
        return _policy(queries.product_by_id(product_id).id)

    @endpoint(
        scope="policy:write", body=PolicyText, answer=PolicyAnswer, raises=(*_MATCHED, Conflict),
        examples={"request": serializers.RULES, "response": serializers.POLICY},
    )  # fmt: skip
    def put(self, request: Request, product_id: UUID) -> Reply:
        """Write the version in the making, or begin the next one; a submitted one is a draft again."""
        queries.product_by_id(product_id)
        match, text = Match.of(request), decode(request, PolicyText)
        credit_policies.write_policy(
            product_id=product_id,
            text=text,
            match=match,
            actor=caller(request).actor,
            now=now(caller(request).institution_id),
        )
        return _policy(product_id)


_STEP: dict[str, Any] = {"answer": PolicyAnswer, "examples": {"response": serializers.POLICY}}


class PolicySubmission(Resource):
    """Asking for approval."""

    @endpoint(scope="policy:write", idempotent=True, raises=_MATCHED, **_STEP)
    def post(self, request: Request, product_id: UUID) -> Reply:
        """Submit the draft for approval by somebody else."""
        queries.product_by_id(product_id)
        credit_policies.submit_policy(
            product_id=product_id,
            match=Match.of(request),
            actor=caller(request).actor,
            now=now(caller(request).institution_id),
        )
        return _policy(product_id)


class PolicyApproval(Resource):
    """Approving what another one submitted."""

    @endpoint(scope="policy:write", idempotent=True, raises=(*_MATCHED, Forbidden), **_STEP)
    def post(self, request: Request, product_id: UUID) -> Reply:
        """Approve the submitted version: it decides at once. 403 to the client that submitted it."""
        queries.product_by_id(product_id)
        credit_policies.approve_policy(
            product_id=product_id,
            match=Match.of(request),
            actor=caller(request).actor,
            now=now(caller(request).institution_id),
        )
        return _policy(product_id)


class BudgetResource(Resource):
    """The budget of a product."""

    @endpoint(scope="products:write", answer=BudgetAnswer, examples={"response": serializers.BUDGET})
    def get(self, request: Request, product_id: UUID) -> Reply:
        """Read this month's budget. Its ETag names the version of the caps, whatever comes and goes below them."""
        moment = now(caller(request).institution_id)
        product = queries.product_by_id(product_id)
        newest = queries.newest_budgets([product_id], budgets.month_of(moment)).first()
        return self._budget(product, newest, moment)

    @endpoint(
        scope="products:write", body=Caps, answer=BudgetAnswer, raises=(*_MATCHED, Conflict, Invalid),
        examples={"request": serializers.CAPS, "response": serializers.BUDGET},
    )  # fmt: skip
    def put(self, request: Request, product_id: UUID) -> Reply:
        """Set the caps of this month and of those to come. 409 below what is reserved and used already."""
        product = queries.product_by_id(product_id)
        match, caps, moment = Match.of(request), decode(request, Caps), now(caller(request).institution_id)
        budget = budgets.set_budget(
            product_id=product_id, caps=caps, match=match, actor=caller(request).actor, now=moment
        )
        return self._budget(product, budget, moment)

    @staticmethod
    def _budget(product: Product, newest: Budget | None, moment: datetime) -> Reply:
        answer = serializers.budget_answer(product, newest, now=moment)
        return Reply(answer, headers={"ETag": budgets.budget_tag(newest)})


_PRODUCT = "products/<uuid:product_id>"
urlpatterns = [
    path("products", ProductsResource.as_view(), name="products"),
    path(_PRODUCT, ProductResource.as_view(), name="product"),
    path(f"{_PRODUCT}/credit-policy", PolicyResource.as_view(), name="credit-policy"),
    path(f"{_PRODUCT}/credit-policy/submit", PolicySubmission.as_view(), name="credit-policy-submit"),
    path(f"{_PRODUCT}/credit-policy/approve", PolicyApproval.as_view(), name="credit-policy-approve"),
    path(f"{_PRODUCT}/budget", BudgetResource.as_view(), name="budget"),
]
