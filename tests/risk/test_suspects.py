"""Labels that were turned round are found; a downturn, a narrow choice and a small lender are left in peace."""

import numpy as np
import pytest
from numpy.typing import NDArray

from risk.learning.fit.suspects import expected_auc, find_suspects

Floats = NDArray[np.float64]


def market(seed: int, rows: int = 3_000, share: float = 0.3) -> tuple[NDArray[np.int8], Floats, NDArray[np.intp]]:
    """Labels, a champion's probabilities (right, but for noise), and lenders; lender 0 has the `share` of all."""
    rng = np.random.default_rng(seed)
    logit = -2.2 + 1.1 * rng.normal(size=rows)
    labels = (rng.uniform(size=rows) < 1 / (1 + np.exp(-logit))).astype(np.int8)
    lenders = np.where(rng.uniform(size=rows) < share, 0, rng.integers(1, 4, rows)).astype(np.intp)
    return labels, 1 / (1 + np.exp(-(logit + 0.3 * rng.normal(size=rows)))), lenders


def flipped(labels: NDArray[np.int8], rows: NDArray[np.bool_], share: float, seed: int = 9) -> NDArray[np.int8]:
    turned = rows & (np.random.default_rng(seed).uniform(size=len(labels)) < share)
    return np.where(turned, 1 - labels, labels).astype(np.int8)


def test_a_partner_who_turns_three_in_ten_round_is_named() -> None:
    for seed in range(20):
        labels, pd, lenders = market(seed)
        found = find_suspects(flipped(labels, lenders == 0, 0.3), pd, lenders)
        assert set(found) == {0}, seed
        assert found[0].auc < found[0].expected_auc - 0.05
        assert f"{found[0].rows} loans" in found[0].sentence


def test_honest_lenders_are_left_in_peace() -> None:
    assert not any(find_suspects(*market(seed)) for seed in range(200))


def test_a_downturn_is_no_suspicion() -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        labels, pd, lenders = market(seed)
        worse = np.log(pd / (1 - pd)) + 1.2  # three times the odds, for all or for the borrowers of one lender
        all_worse = (rng.uniform(size=len(pd)) < 1 / (1 + np.exp(-worse))).astype(np.int8)
        assert not find_suspects(all_worse, pd, lenders)
        assert not find_suspects(np.where(lenders == 0, all_worse, labels).astype(np.int8), pd, lenders)


def test_a_narrow_choice_is_no_suspicion() -> None:
    for seed in range(50):
        labels, pd, lenders = market(seed, rows=8_000, share=0.6)
        kept = (lenders != 0) | ((pd > 0.05) & (pd < 0.15))  # lender 0 lends to the middle alone: AUC about .6
        assert not find_suspects(labels[kept], pd[kept], lenders[kept])


def test_few_loans_are_no_proof() -> None:
    labels, pd, lenders = market(1, rows=300)
    few = np.flatnonzero((lenders == 0) & (labels == 1))[:20]
    kept = np.ones(len(labels), dtype=bool)
    kept[np.setdiff1d(np.flatnonzero((lenders == 0) & (labels == 1)), few)] = False
    assert not find_suspects(labels[kept], pd[kept], lenders[kept])
    assert not find_suspects(labels, pd, np.zeros(len(labels), dtype=np.intp))  # there is nobody to compare with


def test_the_expected_auc_by_hand_and_by_drawing() -> None:
    assert expected_auc(np.array([0.2, 0.8])) == pytest.approx(0.64 / (0.64 + 0.04))
    assert expected_auc(np.array([0.3, 0.3, 0.3])) == pytest.approx(0.5)
    rng = np.random.default_rng(0)
    pd = rng.beta(1, 6, 400)
    pairs = pd[:, None] * (1 - pd[None, :])
    np.fill_diagonal(pairs, 0)
    assert expected_auc(pd) == pytest.approx(float((pairs * (pd[:, None] > pd[None, :])).sum() / pairs.sum()))
