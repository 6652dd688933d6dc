"""The reference of reasons: who passes narrowly, what their mean is, and that an artefact carries it to the bit."""

import msgspec
import numpy as np
import pytest

from hub.rulebook import BestValue, NearCutOff
from risk.learning.fit.glassbox import fit_glassbox
from risk.learning.fit.recipe import canonical
from risk.learning.references import narrow_passes, with_reference
from risk.scoring.facade import ArtefactError, Calibration, approved_below
from risk.scoring.glassbox.artefact import NearCutOff as Narrow
from tests.risk import synthetic

PLAIN = Calibration()
RULE = NearCutOff(band=0.2, rows_least=3, min_share=0.01)


def test_those_who_pass_narrowly_have_a_pd_in_the_band_below_the_cut_off() -> None:
    pd = np.array([0.01, 0.08, 0.0999, 0.1, 0.079, 0.09, 0.5])
    assert narrow_passes(pd, RULE, pd_below=0.1).tolist() == [1, 2, 5]


def test_where_few_are_in_the_band_the_nearest_are_taken_and_those_who_pass_first() -> None:
    pd = np.array([0.01, 0.101, 0.02, 0.3, 0.11])
    assert narrow_passes(pd, RULE, pd_below=0.1).tolist() == [0, 1, 2]
    assert narrow_passes(pd[3:], RULE, pd_below=0.1).tolist() == [0, 1]


def test_each_bin_is_the_common_one_nearest_to_the_mean_score_of_those_people() -> None:
    scorer, frame = synthetic.narrow_scorer(), synthetic.book()[0]
    found = scorer.artefact.reasons
    assert isinstance(found, Narrow)
    assert (found.pd_below, found.band, found.min_share) == (synthetic.CUT_OFF, 0.2, 0.01)
    pd = scorer.batch(frame.columns).pd(PLAIN)
    near = np.flatnonzero((pd < 0.1) & (pd >= 0.08))
    assert found.rows == len(near) > 200
    mains = scorer.batch(frame.take(near).columns, contributions=True).mains
    assert mains is not None
    for at, (axis, index) in enumerate(zip(scorer.features, found.bins, strict=True)):
        common = [one for one in axis.real_bins if axis.share_ppm[one] >= 10_000]
        off = {one: abs(scorer.artefact.mains[at][one] - mains[:, at].mean()) for one in common}
        assert off[index] == pytest.approx(min(off.values()), abs=1e-6)


def test_whoever_fails_has_a_reason_and_what_helps_still_means_the_best_value() -> None:
    narrow, best = synthetic.narrow_scorer(), synthetic.scorer()
    among, failed, other = {"income", "utilisation"}, 0, 0
    for values in synthetic.rows_of(synthetic.stressed(3_000, best)):
        score = narrow.row(values, PLAIN)
        reasons = narrow.reasons(score)
        helps = [one for one in best.reasons(score, limit=99) if one.feature in among]
        assert repr(narrow.helps(score, among=among)) == repr(best.helps(score, among=among)) == repr(tuple(helps))
        if score.pd >= synthetic.CUT_OFF:
            failed += 1
            assert 1 <= len(reasons) <= 4
            other += reasons[0].feature != best.reasons(score, limit=1)[0].feature
    assert 0 < other < failed


def test_best_values_leave_an_artefact_as_it_was_fitted() -> None:
    data = fit_glassbox(*synthetic.book(), seed=1, recipe=synthetic.QUICK)
    frame = synthetic.book()[0]
    assert with_reference(data, frame, PLAIN, rule=BestValue(min_share=0.01), pd_below=0.1) == data
    again = with_reference(data, frame, PLAIN, rule=synthetic.NARROW, pd_below=0.1)
    assert synthetic.load(again).sha256 == synthetic.narrow_scorer().sha256


@pytest.mark.parametrize("bins", [[], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 99], [1, 1, 1, 1, 1, -1]])
def test_a_reference_that_does_not_fit_its_features_is_refused(bins: list[int]) -> None:
    content = msgspec.json.decode(msgspec.json.encode(synthetic.narrow_scorer().artefact))
    content["reasons"]["bins"] = bins
    with pytest.raises(ArtefactError, match="reference"):
        synthetic.load(canonical(content))


def test_the_cut_off_is_where_the_bands_stop_to_approve() -> None:
    assert approved_below() == 0.1
