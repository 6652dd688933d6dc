"""Fairness is measured on books, on a stated basis; books that were learned from are told apart from others."""

from datetime import timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest

from hub.clock import now
from hub.errors import Conflict
from hub.tenancy import platform_scope, tenant_scope
from risk.learning import services, training
from risk.monitoring.models import Alert, Figure
from risk.scoring import registry
from risk.scoring.models import ModelLine, ModelVersion
from tests.risk.factories import ACTOR, MAPPING, QUICK, book_bytes, imported
from tests.risk.monitored import figures, watch
from tests.risk.registry_factory import OSCAR, RITA

pytestmark = pytest.mark.django_db
OWNER = uuid4()
ESTIMATED = MAPPING.replace(b"district: {role: proxy,", b"district: {role: proxy, basis: estimated,")


def lines(count: int, *, seed: int, first: int = 1) -> list[str]:
    """Women own less often, which the model takes for risk; the outcome does not rest on it."""
    rng = np.random.default_rng(seed)
    women = rng.random(count) < 0.4
    income, used = rng.gamma(4, 5000, count).round(), rng.uniform(0, 100, count).round(1)
    housing = np.where(rng.random(count) < np.where(women, 0.75, 0.15), "rent", "own")
    logit = -2.6 - income / 20000 + used / 40 + (housing == "rent") * 2.0
    bad = rng.random(count) < 1 / (1 + np.exp(-logit))
    return [
        f"A{first + at:06d},2022-{at % 12 + 1:02d}-15,{income[at]:.0f},{used[at]}%,{housing[at]},{at},"
        f"{'F' if women[at] else 'M'},D{at % 2},x,{'charged_off' if bad[at] else 'repaid'}"
        for at in range(count)
    ]  # fmt: skip


@pytest.fixture
def line() -> ModelLine:
    """A line of an institution, trained on one book and promoted; then comes another book."""
    book = imported(book_bytes(lines(700, seed=1)), mapping=ESTIMATED, institution_id=OWNER)
    with platform_scope():
        run = services.request_training(
            line_id=book.line_id, requested_by=None, actor=ACTOR, now=now(), recipe=QUICK
        )  # fmt: skip
    done = training.train(run_id=run.id, scope=platform_scope, clock=now, actor=ACTOR)
    assert done.version_id is not None, done.failure
    refused_for_its_ratio(done.version_id)
    with platform_scope():
        for user_id in (RITA, OSCAR):
            registry.approve_version(version_id=done.version_id, user_id=user_id, now=now())
    imported(book_bytes(lines(600, seed=2, first=9_000)), mapping=ESTIMATED, institution_id=OWNER)
    with platform_scope():
        return ModelLine.objects.get()


def refused_for_its_ratio(version_id: UUID) -> None:
    """No waiver helps; then the version is made one of a time when there was no such limit."""
    with platform_scope():
        with pytest.raises(Conflict, match="sex: F / M, data collected"):
            registry.approve_version(version_id=version_id, user_id=RITA, waiver="All the same, for a test.", now=now())
        version = ModelVersion.objects.get(id=version_id)
        version.report["criteria"] = [one for one in version.report["criteria"] if one["name"] != "fair"]
        version.save(update_fields=["report"])


def test_groups_are_compared_at_each_cut_off_and_nobody_elses_eyes_see_it(line: ModelLine) -> None:
    watch(line, now().date() + timedelta(days=1))
    ratios = figures(metric="impact_ratio", source="new book", segment__startswith="sex")
    assert [one.segment for one in ratios] == [f"sex: F / M at {cut}%" for cut in (2, 5, 10, 20)][-len(ratios) :]
    deciding = {one.segment.rpartition(" ")[2]: one for one in ratios}
    tenth = deciding["10%"]
    assert tenth.value == pytest.approx(tenth.details["rate"] / tenth.details["reference_rate"])
    assert tenth.lower is not None
    assert tenth.upper is not None
    assert tenth.lower < tenth.value < tenth.upper < 1
    assert (tenth.basis, tenth.limit_low, tenth.beyond) == ("collected", 0.8, True)
    assert [one.limit_low for name, one in deciding.items() if name in ("2%", "5%")].count(None) == len(deciding) - 2
    assert {one.basis for one in figures(segment__startswith="district", segment_kind="group")} == {"estimated"}
    [gap] = figures(metric="mean_difference", source="new book", segment="sex: F / M")
    assert gap.value > 0.3
    with platform_scope():
        assert Alert.objects.filter(metric="impact_ratio", source="new book", segment=tenth.segment).exists()
        assert set(Figure.objects.values_list("institution_id", flat=True)) == {OWNER}
    with tenant_scope(OWNER):
        assert Figure.objects.filter(metric="impact_ratio").exists()
    with tenant_scope(uuid4()):
        assert not Figure.objects.exists()


def test_a_less_discriminatory_alternative_is_looked_for(line: ModelLine) -> None:
    watch(line, now().date() + timedelta(days=1))
    for found in figures(metric="alternative", segment="sex: F / M"):
        assert found.details["before"] < 0.9
        for step in found.details["steps"]:
            assert step["auc_lost"] <= step["auc_lost_at_most"] <= 0.005
        last = [found.details["before"], *(step["impact_ratio"] for step in found.details["steps"])]
        assert found.value == last[-1]
    assert {one.source for one in figures(metric="alternative")} == {"new book", "learned book"}


def test_how_well_it_does_is_told_of_books_only_that_it_has_not_learned_from(line: ModelLine) -> None:
    watch(line, now().date() + timedelta(days=1))
    assert [(one.source, one.rows) for one in figures(metric="auc")] == [("new book", 600)]
    assert [one.source for one in figures(metric="calibration")] == ["new book"]
    assert {one.source for one in figures(metric="impact_ratio")} == {"new book", "learned book"}
