"""What another model would change under the same credit policies, counted lender by lender."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from partners.referrals.matching.fitting import Ask, Candidate, Fit, expected_loss
from partners.referrals.matching.routing import Policy, fit

_CENT = Decimal("0.0001")


@dataclass(slots=True)
class Side:
    """By one model: how many applications a lender is shown, what they are expected to lose, the sum of their rates."""

    approved: int = 0
    expected_loss: Decimal = Decimal(0)
    rates: Decimal = Decimal(0)

    @property
    def rate(self) -> Decimal | None:
        """The mean yearly rate in percent, None without an approval."""
        return (self.rates / self.approved).quantize(_CENT) if self.approved else None

    def add(self, found: Fit, pd: Decimal) -> None:
        """Count an application that the lender is shown on these terms."""
        self.approved += 1
        self.expected_loss += expected_loss(found.amount, pd)
        self.rates += found.rate


@dataclass(slots=True)
class Shift:
    """One lender's products in one currency, over some applications; `changed` are shown by one model alone."""

    lender_id: UUID
    lender: str
    currency: str
    policies: set[UUID] = field(default_factory=set)
    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    changed: int = 0


Shifts = dict[tuple[UUID, str], Shift]
Judge = tuple[Ask, Policy]


def count(shifts: Shifts, *, currency: str, candidates: Sequence[Candidate], before: Judge, after: Judge) -> None:
    """Count one application, as asked with the score of the one model and with that of the other, for each lender.

    Of several products of a lender that would be offered the one of the lowest rate counts. Budgets count nothing:
    they tell of the moment and not of the model.
    """
    for one in candidates:
        key = (one.institution_id, currency)
        shift = shifts.setdefault(key, Shift(one.institution_id, one.institution_name, currency))
        shift.policies.add(one.policy_version_id)
    then, now = _cheapest(candidates, *before), _cheapest(candidates, *after)
    for lender_id in then.keys() | now.keys():
        shift = shifts[lender_id, currency]
        shift.changed += (lender_id in then) != (lender_id in now)
        if lender_id in then:
            shift.before.add(then[lender_id], before[0].pd)
        if lender_id in now:
            shift.after.add(now[lender_id], after[0].pd)


def _cheapest(candidates: Sequence[Candidate], ask: Ask, policy: Policy) -> Mapping[UUID, Fit]:
    fits = [found for one in candidates if isinstance(found := fit(one, ask, policy, frozenset()), Fit)]
    fits.sort(key=lambda one: (one.rate, one.candidate.product_id.int), reverse=True)
    return {one.candidate.institution_id: one for one in fits}  # the last one stays
