"""Business actions on products. They run in the owner's tenant scope, or the platform's (console, demonstration)."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from msgspec import UNSET

from hub import outbox
from hub.audit import Actor
from hub.errors import Conflict, FieldError
from hub.events import ProductChanged, ProductOpened
from hub.versions import ANY, Match, etag
from partners.institutions.facade import get_institution
from partners.products import queries, terms
from partners.products.models import Product
from partners.products.policy import Policy, compile_policy, offered_grades
from partners.products.terms import ProductChange, ProductTerms


def product_tag(product: Product) -> str:
    """Return the entity tag of a product."""
    return etag(product.row_version)


@transaction.atomic
def open_product(*, institution_id: UUID, terms_: ProductTerms, actor: Actor, now: datetime) -> Product:
    """Draft a product. `Invalid` names every fault, `Conflict` where the institution has one of this name."""
    get_institution(institution_id=institution_id)
    values = terms.checked(terms_)
    _refuse_taken(institution_id, values["name"])
    product = Product.open(institution_id=institution_id, values=values, now=now)
    opened = ProductOpened(product.id, institution_id, product_class=product.product_class)
    outbox.publish(opened, actor=actor, now=now)
    return product


@transaction.atomic
def change_product(
    *, product_id: UUID, change: ProductChange, match: Match = ANY, actor: Actor, now: datetime
) -> Product:
    """Change terms or state. Nothing is written where nothing is different.

    `PreconditionFailed` for another version than the caller's, `Invalid` for terms that will not do, `Conflict` for a
    closed product, a state that may not follow, and terms that the live policy does not go with.
    """
    product = queries.locked_product(product_id)
    match.require(product_tag(product))
    if product.state == "closed":
        raise Conflict("The product is closed: nothing of it changes any more.")
    values = terms.checked(terms.changed_terms(product, change))
    changed = {name: value for name, value in values.items() if getattr(product, name) != value}
    if "name" in changed:
        _refuse_taken(product.institution_id, values["name"])
    if changed:
        product.change(changed)
    if change.state is not UNSET and change.state != product.state:
        product.become(change.state)
        changed["state"] = change.state
    if changed:
        _refuse_unpriced(product)
        _tell(product, sorted(changed), actor, now)
    return product


def missing_rates(product: Product, policy: Policy) -> list[FieldError]:
    """Return a fault for each grade that the policy lets pass and the product's grid has no rate for."""
    return [
        FieldError(f"/grid/{grade}", "missing_rate", f"Give grade {grade} a rate, or leave it out by a rule.")
        for grade in offered_grades(policy)
        if grade not in product.grid
    ]


def _refuse_unpriced(product: Product) -> None:
    live = queries.live_policy(product.id)
    if live is None and product.state == "live":
        raise Conflict("The product has no live credit policy yet: submit one, and let somebody else approve it.")
    if live is not None and (faults := missing_rates(product, compile_policy(live.rules))):
        raise Conflict("The live credit policy lets grades pass that have no rate.", errors=faults)


def _refuse_taken(institution_id: UUID, name: str) -> None:
    if queries.products().filter(institution_id=institution_id, name=name).exists():
        raise Conflict("The institution has a product of this name.")


def _tell(product: Product, changed: list[str], actor: Actor, now: datetime) -> None:
    told = ProductChanged(
        product.id, product.institution_id, changed=changed, state=product.state, row_version=product.row_version
    )
    outbox.publish(told, actor=actor, now=now)
