"""Business actions on credit policies: written, submitted by one, approved by another, live; the one before retires."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec
from django.db import transaction

from hub import audit, outbox
from hub.audit import Actor
from hub.errors import Conflict, DomainError, Forbidden, Invalid
from hub.events import PolicyDrafted, PolicyLive, PolicySubmitted
from hub.versions import ANY, Match, etag
from partners.products import queries
from partners.products.models import CreditPolicy, Product
from partners.products.policy import PolicyText, compile_policy, faults
from partners.products.services import missing_rates


def policy_tag(newest: CreditPolicy | None) -> str:
    """Return the entity tag of a product's credit policy: that of its newest version; "0" before the first."""
    return etag(newest.version, newest.row_version) if newest else etag(0)


@transaction.atomic
def write_policy(
    *, product_id: UUID, text: PolicyText, match: Match = ANY, actor: Actor, now: datetime
) -> CreditPolicy:
    """Write the version in the making, or begin the next one. One that was submitted is a draft again.

    `PreconditionFailed` for another version than the caller's, `Invalid` with every fault of the rules.
    """
    product = _unclosed(product_id)
    newest = queries.newest_policy(product_id)
    match.require(policy_tag(newest))
    if wrong := faults(text):
        raise Invalid(wrong)
    rules = msgspec.to_builtins(text)
    if newest is not None and newest.state in CreditPolicy.OPEN:
        newest.rewrite(rules)
        policy = newest
    else:
        policy = CreditPolicy.draft(product=product, version=newest.version + 1 if newest else 1, rules=rules, now=now)
    _tell(PolicyDrafted, policy, actor, now)
    return policy


@transaction.atomic
def submit_policy(*, product_id: UUID, match: Match = ANY, actor: Actor, now: datetime) -> CreditPolicy:
    """Ask for the approval of the draft. `Conflict` where there is none, or a grade that it offers has no rate."""
    product = _unclosed(product_id)
    match.require(policy_tag(queries.newest_policy(product_id)))
    policy = queries.open_policy(product_id)
    if policy is None or policy.state != "draft":
        raise Conflict("There is no draft to be submitted: write one first.")
    _refuse_unpriced(product, policy)
    policy.submit(actor=actor, now=now)
    _tell(PolicySubmitted, policy, actor, now)
    return policy


def approve_policy(*, product_id: UUID, match: Match = ANY, actor: Actor, now: datetime) -> CreditPolicy:
    """Approve what somebody else submitted: it is live at once, and the version before it retires.

    `Forbidden` to whoever submitted it, `Conflict` where nothing waits. A refused try stays in the audit where the
    caller's transaction goes on, as the console's does.
    """
    try:
        with transaction.atomic():
            return _approve(product_id, match, actor, now)
    except (Conflict, Forbidden) as error:
        _note_refusal(product_id, error, actor, now)
        raise


def _approve(product_id: UUID, match: Match, actor: Actor, now: datetime) -> CreditPolicy:
    product = _unclosed(product_id)
    match.require(policy_tag(queries.newest_policy(product_id)))
    policy = queries.open_policy(product_id)
    if policy is None or policy.state != "submitted":
        raise Conflict("No credit policy waits for approval.")
    if actor.kind == Actor.SYSTEM:
        raise Forbidden("A credit policy is approved by a person or a client, never by the system.")
    if policy.maker == CreditPolicy.who(actor):
        raise Forbidden("Whoever submitted a credit policy cannot approve it: somebody else must.")
    _refuse_unpriced(product, policy)
    live = queries.live_policy(product_id)
    if live is not None:
        live.retire()
    policy.approve(actor=actor, now=now)
    _tell(PolicyLive, policy, actor, now)
    return policy


def _unclosed(product_id: UUID) -> Product:
    product = queries.locked_product(product_id)
    if product.state == "closed":
        raise Conflict("The product is closed: its credit policy stays as it is.")
    return product


def _refuse_unpriced(product: Product, policy: CreditPolicy) -> None:
    if wrong := missing_rates(product, compile_policy(policy.rules)):
        raise Conflict("The policy lets grades pass that the product has no rate for.", errors=wrong)


def _note_refusal(product_id: UUID, error: DomainError, actor: Actor, now: datetime) -> None:
    product = queries.product_by_id(product_id)
    audit.record(
        actor=actor, action="policy.approval_refused", subject_type="product", subject_id=product_id,
        institution_id=product.institution_id, details={"code": error.code, "detail": error.detail}, now=now,
    )  # fmt: skip


def _tell(
    kind: type[PolicyDrafted] | type[PolicySubmitted] | type[PolicyLive],
    policy: CreditPolicy,
    actor: Actor,
    now: datetime,
) -> None:
    canonical = msgspec.json.encode(policy.rules, order="deterministic")
    told = kind(
        policy.id, policy.institution_id, product_id=policy.product_id, version=policy.version,
        digest=hashlib.sha256(canonical).hexdigest(),
    )  # fmt: skip
    outbox.publish(told, actor=actor, now=now)
