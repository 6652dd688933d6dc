"""A root finder for rates: it brackets first, so it converges, and says clearly where there is no root."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal, localcontext
from itertools import pairwise

from hub.finance.rounding import MATHS

ONE = Decimal(1)
_HALF = Decimal("0.5")
_STEP = Decimal("1.05")
_FURTHEST = 300  # steps of 5 %: growth between 1e-6 and 1e6 per period, where there may be several roots
_DOUBLINGS = 12  # up to 2048 steps: growth between 1e-43 and 1e43, where there is one
_ROUNDS = 300


class NoRate(ValueError):
    """The cash flows have no rate of return: they never change sign, or nothing makes them balance."""


def rate_root(value: Callable[[Decimal], Decimal], *, sign_changes: int) -> Decimal:
    """Return the rate per period at which `value` is 0: of several the one nearest to 0. `NoRate` where there is none.

    Growth factors are searched outwards from 1, in steps of 5 %. With one change of sign in the flows there is only
    one root (Descartes), and the steps double.
    """
    if sign_changes < 1:
        raise NoRate("the cash flows never change their sign, so no rate balances them")
    with localcontext(MATHS):
        low, high = _bracket(value, sign_changes)
        return bracketed_root(value, low, high)


def _bracket(value: Callable[[Decimal], Decimal], sign_changes: int) -> tuple[Decimal, Decimal]:
    zero = Decimal(0)
    ends = {1: (zero, value(zero)), -1: (zero, value(zero))}
    if ends[1][1] == 0:
        return zero, zero
    for steps in _steps(doubling=sign_changes == 1):
        for side in (1, -1):
            rate = _STEP ** (side * steps) - 1
            at, before = value(rate), ends[side]
            if (at < 0) != (before[1] < 0) or at == 0:
                return min(rate, before[0]), max(rate, before[0])
            ends[side] = (rate, at)
    raise NoRate("no rate balances the cash flows")


def _steps(*, doubling: bool) -> Iterator[int]:
    return (2**power for power in range(_DOUBLINGS)) if doubling else iter(range(1, _FURTHEST + 1))


def bracketed_root(value: Callable[[Decimal], Decimal], low: Decimal, high: Decimal) -> Decimal:
    """Return the root between two points of opposite sign to 24 digits; `NoRate` where the signs are alike.

    Inverse quadratic interpolation where it is safe, otherwise bisection. Source: T. R. Chandrupatla, A new hybrid
    quadratic/bisection algorithm (Advances in Engineering Software 28, 1997).
    """
    a, fa, b, fb = high, value(high), low, value(low)
    if fa == 0 or fb == 0:
        return a if fa == 0 else b
    if (fa < 0) == (fb < 0):
        raise NoRate("there is no change of sign between the two points")
    c, fc, share = a, fa, _HALF
    for _ in range(_ROUNDS):
        x = a + share * (b - a)
        fx = value(x)
        if (fx < 0) == (fa < 0):
            c, fc = a, fa
        else:
            c, fc, b, fb = b, fb, a, fa
        a, fa = x, fx
        best, error = (a, fa) if abs(fa) < abs(fb) else (b, fb)
        room = _width(best) / abs(b - a)
        if room > _HALF or error == 0:
            return best
        share = min(1 - room, max(room, _next_share(a, fa, b, fb, c, fc)))
    raise NoRate("the search for the rate did not come to an end")


def _width(at: Decimal) -> Decimal:
    return Decimal("1e-24") * (1 + abs(at))


def _next_share(a: Decimal, fa: Decimal, b: Decimal, fb: Decimal, c: Decimal, fc: Decimal) -> Decimal:
    if fa in (fb, fc) or fb == fc or b == c:
        return _HALF
    xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
    if not (phi * phi < xi and (1 - phi) * (1 - phi) < 1 - xi):
        return _HALF
    return fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)


def sign_changes(amounts: Sequence[Decimal]) -> int:
    """Count the changes of sign in a row of amounts; zeros do not count."""
    signs = [amount > 0 for amount in amounts if amount]
    return sum(before != after for before, after in pairwise(signs))
