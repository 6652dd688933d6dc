"""What is on offer now, ready to be matched: one statement where all of it is known, three where some is new.

A product is kept in the process as it was at its row version, with the policy version that decides and its
institution's name. Any change makes another key, so nothing that is kept can be old. A world whose keys are all the
same as before (the database compares their digest) is as it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from uuid import UUID

from partners.products import queries
from partners.products.models import CreditPolicy
from partners.products.policy import Exclusion, Policy, compile_policy
from partners.products.policy import evaluate as evaluate_policy

KEPT_MAX = 20_000
WORLDS_MAX = 1_000
_Key = tuple[UUID, int, UUID, str]
_World = tuple[str, str, UUID | None]


@dataclass(frozen=True, slots=True)
class LiveProduct:
    """A product on offer. `grid` has a yearly rate in percent for each grade that the policy lets pass."""

    id: UUID
    institution_id: UUID
    institution_name: str
    name: str
    product_class: str
    currency: str
    amount_min: Decimal
    amount_max: Decimal
    terms: tuple[int, ...]
    method: str
    rounding: str
    fee_percent: Decimal
    fee_flat: Decimal
    grid: Mapping[str, Decimal]
    jurisdiction: str
    policy_version_id: UUID
    policy: Policy


_kept: dict[_Key, LiveProduct] = {}
_worlds: dict[_World, tuple[str, tuple[LiveProduct, ...]]] = {}


def live_products(*, product_class: str, currency: str, sandbox_id: UUID | None) -> list[LiveProduct]:
    """Return every live product of a class and currency in one world, by id. Platform scope.

    The world is the live one, or (`sandbox_id`) one sandbox. Suspended institutions offer nothing.
    """
    world = (product_class, currency, sandbox_id)
    mark, products = _worlds.get(world, ("", ()))
    if not mark or mark != queries.mark_of_live(*world):
        mark, products = _fetch(world)
        if len(_worlds) >= WORLDS_MAX:
            _worlds.clear()
        _worlds[world] = mark, products
    return list(products)


def is_live(*, product_id: UUID) -> bool:
    """Tell whether a product is on offer now, in its world. Platform scope."""
    rows = queries.products().filter(state="live", institution__is_active=True, policies__state="live")
    return rows.filter(id=product_id).exists()


def _fetch(world: _World) -> tuple[str, tuple[LiveProduct, ...]]:
    mark, keys = queries.keys_of_live(*world)
    found = {key[0]: _kept.get(key) for key in keys}
    new = [product_id for product_id, known in found.items() if known is None]
    if new:
        made = {_key_of(row): _live(row) for row in queries.live_rows(new)}
        if len(_kept) + len(made) > KEPT_MAX:
            _kept.clear()
        _kept.update(made)
        found.update({product.id: product for product in made.values()})
    return mark, tuple(product for product in found.values() if product is not None)


def evaluate(product: LiveProduct, facts: Mapping[str, object]) -> tuple[Exclusion, ...]:
    """Return every reason of the product's policy against these facts; none where the application is wanted."""
    return evaluate_policy(product.policy, facts)


def policy_versions(version_ids: Iterable[UUID]) -> Mapping[UUID, Policy]:
    """Return policies by their versions, retired ones included: what decided once can be asked again."""
    return {row.id: compile_policy(row.rules) for row in queries.policy_rows(version_ids)}


def _key_of(row: CreditPolicy) -> _Key:
    return row.product_id, row.product.row_version, row.id, row.product.institution.name


def _live(row: CreditPolicy) -> LiveProduct:
    product = row.product
    return LiveProduct(
        id=product.id,
        institution_id=product.institution_id,
        institution_name=product.institution.name,
        name=product.name,
        product_class=product.product_class,
        currency=product.currency,
        amount_min=product.amount_min,
        amount_max=product.amount_max,
        terms=tuple(product.terms),
        method=product.method,
        rounding=product.rounding,
        fee_percent=product.fee_percent,
        fee_flat=product.fee_flat,
        grid=MappingProxyType({grade: Decimal(rate) for grade, rate in product.grid.items()}),
        jurisdiction=product.jurisdiction,
        policy_version_id=row.id,
        policy=compile_policy(row.rules),
    )
