"""The live products of a world as matching takes them, kept in the process for as long as they stay the same."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from operator import is_
from uuid import UUID

import msgspec

from partners.products import facade as products
from partners.products.facade import LiveProduct, Policy
from partners.referrals.matching import Candidate

SHELVES_MAX = 1_000
_World = tuple[str, str, UUID | None]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Candidates with their policies by version, and the catalogue: their canonical JSON and its SHA-256."""

    live: list[LiveProduct]
    candidates: list[Candidate]
    policies: Mapping[UUID, Policy]
    document: bytes
    digest: str


_shelves: dict[_World, Shelf] = {}


def shelf_of(*, product_class: str, currency: str, sandbox_id: UUID | None) -> Shelf:
    """Return what is on offer in a world now. Platform scope."""
    world = (product_class, currency, sandbox_id)
    live = products.live_products(product_class=product_class, currency=currency, sandbox_id=sandbox_id)
    kept = _shelves.get(world)
    # Products are kept as they were, and a changed one is another object.
    if kept is not None and len(kept.live) == len(live) and all(map(is_, kept.live, live)):
        return kept
    if len(_shelves) >= SHELVES_MAX:
        _shelves.clear()
    _shelves[world] = made = _make(live)
    return made


def _make(live: list[LiveProduct]) -> Shelf:
    # By id, as the ledger lists them.
    candidates = sorted((_candidate(product) for product in live), key=lambda one: one.product_id.int)
    document = msgspec.json.encode(candidates, order="sorted")
    policies = {product.policy_version_id: product.policy for product in live}
    return Shelf(live, candidates, policies, document, hashlib.sha256(document).hexdigest())


def _candidate(product: LiveProduct) -> Candidate:
    return Candidate(
        product_id=product.id,
        institution_id=product.institution_id,
        institution_name=product.institution_name,
        name=product.name,
        amount_min=product.amount_min,
        amount_max=product.amount_max,
        terms=product.terms,
        method=product.method,
        rounding=product.rounding,
        fee_percent=product.fee_percent,
        fee_flat=product.fee_flat,
        grid=dict(product.grid),
        policy_version_id=product.policy_version_id,
    )
