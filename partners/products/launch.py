"""A whole launch in one call, step by step by the same services, for callers that act for two people."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import transaction

from hub.audit import Actor
from partners.products import budgets, credit_policies, queries, services
from partners.products.budgets import Caps
from partners.products.policy import PolicyText
from partners.products.terms import ProductChange, ProductTerms


@transaction.atomic
def launch_product(
    *,
    institution_id: UUID,
    terms: Mapping[str, object],
    rules: Sequence[Mapping[str, object]],
    caps: Mapping[str, object],
    maker: Actor,
    checker: Actor,
    now: datetime,
) -> UUID:
    """Draft a product, let its policy be submitted by one and approved by the other, set its budget, set it live.

    Terms, rules and caps as the API takes them; `msgspec.ValidationError` for another form, and the errors of each
    step. A product of this name that is there already is left as it is. Returns its id.
    """
    wanted = msgspec.convert(terms, ProductTerms)
    known = queries.products().filter(institution_id=institution_id, name=wanted.name).first()
    if known is not None:
        return known.id
    text = msgspec.convert({"all": rules}, PolicyText)
    product_id = services.open_product(institution_id=institution_id, terms_=wanted, actor=maker, now=now).id
    credit_policies.write_policy(product_id=product_id, text=text, actor=maker, now=now)
    credit_policies.submit_policy(product_id=product_id, actor=maker, now=now)
    credit_policies.approve_policy(product_id=product_id, actor=checker, now=now)
    budgets.set_budget(product_id=product_id, caps=msgspec.convert(caps, Caps), actor=maker, now=now)
    services.change_product(product_id=product_id, change=ProductChange(state="live"), actor=maker, now=now)
    return product_id
