"""Who the random arm of a policy lets in. The same person draws the same under one policy, however often he asks."""

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from partners.products.policy.evaluation import Exclusion, Policy

SCORE = "score"  # the reason of every rule over the grade or the PD
_DRAWS = 1 << 64


def drawn(
    policy: Policy, against: Sequence[Exclusion], facts: Mapping[str, object], *, person_id: UUID, policy_id: UUID
) -> bool:
    """Tell whether the arm lets somebody in whom the policy leaves out: for the score alone, and by the draw.

    Whether he can afford the loan is not asked here: no fact of a policy tells.
    """
    arm, pd = policy.arm, facts.get("pd_12m")
    if arm is None or not against or not isinstance(pd, Decimal) or pd > Decimal(str(arm.pd_max)):
        return False
    return all(one.reason == SCORE for one in against) and _draw(person_id, policy_id) < arm.propensity


def _draw(person_id: UUID, policy_id: UUID) -> Decimal:
    """Return a number in [0, 1), which nobody foresees who does not know both ids."""
    digest = hashlib.sha256(f"random-arm|{person_id}|{policy_id}".encode()).digest()
    return Decimal(int.from_bytes(digest[:8])) / _DRAWS
