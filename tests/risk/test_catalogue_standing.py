"""What may train a model: protected attributes never, proxies while approved; and whose reasons can be told."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from hub.clock import now
from hub.errors import Invalid, NotFound
from hub.models import AuditRow
from hub.tenancy import platform_scope
from risk.features.catalogue.declared import DECLARED
from risk.features.catalogue.mapping import FeatureColumn
from risk.features.catalogue.reason_texts import LANGUAGES, TEXTS, Review, Texts, told
from risk.features.catalogue.standing import standing_of
from risk.features.facade import MappingError, NotAdmitted, admitted, catalogue_of, is_told, read_mapping
from risk.learning import shipped
from risk.scoring import gates, proxies
from risk.scoring.models import ModelVersion, ProxyApproval
from tests.risk.registry_factory import make_line, make_version

RITA = UUID(int=1)
WHY = "It is tried for a quarter, beside the others."


def mapping_text(columns: str) -> bytes:
    return (
        "format: luopan.mapping/1\nbook: A book\npurpose: consumer\n"
        "jurisdiction: HK\ncurrency: HKD\nsource: Ours.\n"
        "label: {definition: 90 days past due or worse, version: 1}\n"
        f"columns:\n  income: {{role: feature, type: number, unit: HKD, known: at_scoring}}\n{columns}"
        '  bad: {role: label, bad: ["1"], good: ["0"]}\n'
    ).encode()


@pytest.mark.parametrize("name", shipped.names())
def test_no_protected_attribute_enters_a_training_of_a_shipped_mapping(name: str) -> None:
    mapping = read_mapping(shipped.mapping_text(name))
    features = {feature.name for feature in admitted(mapping)}
    assert features == {column.feature_name for column in mapping.training_columns}
    entries = {entry.name: entry for entry in catalogue_of(mapping)}
    assert all(entries[feature].standing.level == "ok" for feature in features)
    kept_out = {column.feature_name for column in mapping.kept_columns if not isinstance(column, FeatureColumn)}
    assert not features & kept_out


@pytest.mark.parametrize(
    ("name", "jurisdiction", "level"),
    [
        ("Age", "HK", "protected"), ("date_of_birth", "US", "protected"), ("GENDER2", "PL", "protected"),
        ("marital-status", "US", "protected"), ("marital status", "PL", "proxy"), ("zip_code", "US", "proxy"),
        ("number_of_dependents", "HK", "proxy"), ("usage", "HK", "ok"), ("mortgage", "US", "ok"),
        ("package", "HK", "ok"),
    ],
)  # fmt: skip
def test_attributes_are_known_by_their_names(name: str, jurisdiction: str, level: str) -> None:
    assert standing_of(name, jurisdiction=jurisdiction).level == level


def test_a_planted_protected_column_is_refused_with_the_remedy() -> None:
    with pytest.raises(MappingError, match="role: protected") as refused:
        read_mapping(mapping_text("  Gender: {role: feature, type: category, known: at_scoring}\n"))
    assert [fault.path for fault in refused.value.faults] == [("columns", "Gender", "role")]


@pytest.mark.parametrize(
    "column",
    [
        "  dependents: {role: feature, type: number, unit: count, known: at_scoring}\n",
        "  club: {role: feature, type: category, known: at_scoring, proxy_of: religion}\n",
    ],
)
def test_a_proxy_enters_only_while_it_is_approved(column: str) -> None:
    mapping = read_mapping(mapping_text(column))
    name = column.strip().partition(":")[0]
    with pytest.raises(NotAdmitted, match="role: proxy"):
        admitted(mapping)
    assert name in {feature.name for feature in admitted(mapping, approved=[name])}


def test_every_declared_feature_can_be_told_in_each_language() -> None:
    assert DECLARED.keys() == TEXTS.keys()
    for texts in TEXTS.values():
        assert told(texts)
        assert all(len(part) == len(LANGUAGES) for part in (texts.reason, texts.missing, texts.helps))


def test_a_draft_is_told_to_nobody() -> None:
    words = ("a", "b", "c")
    assert not told(Texts(words, words, words))
    assert not told(Texts(words, words, ("a", "", "c"), Review("reviewed", "R", date(2026, 1, 1))))
    assert not told(Texts(words, words, words, Review("reviewed", "", date(2026, 1, 1))))


def test_a_book_s_own_feature_of_a_known_name_is_not_taken_for_the_declared_one() -> None:
    shipped_one = read_mapping(shipped.mapping_text("demo_consumer"))
    features = {feature.name: feature for feature in shipped_one.training_features}
    assert all(is_told(feature, "HKD") for feature in features.values())
    assert not is_told(features["monthly_income"], "USD")


def approve(line_id: UUID, *, feature: str = "dependents", days: int = 30, reason: str = WHY) -> ProxyApproval:
    with platform_scope():
        return proxies.approve_proxy(
            line_id=line_id, feature=feature, reason=reason, expires_on=now().date() + timedelta(days=days),
            user_id=RITA, now=now(),
        )  # fmt: skip


def standing(line_id: UUID, *, days: int = 0) -> frozenset[str]:
    with platform_scope():
        return proxies.approved(line_id=line_id, on=now().date() + timedelta(days=days))


@pytest.mark.django_db
def test_an_approval_names_its_reason_and_its_end() -> None:
    line_id = make_line().id
    for wrong in ({"days": 0}, {"days": 400}, {"reason": "because"}):
        with pytest.raises(Invalid):
            approve(line_id, **wrong)
    with pytest.raises(NotFound):
        approve(uuid4())
    first = approve(line_id)
    assert [sorted(standing(line_id, days=days)) for days in (0, 29, 30)] == [["dependents"], ["dependents"], []]
    assert approve(line_id, days=60).id != first.id
    assert standing(line_id, days=30) == {"dependents"}
    with platform_scope():
        made = ProxyApproval.objects.get(ended_at=None)
        for _ in range(2):
            proxies.end_approval(approval_id=made.id, user_id=RITA, now=now())
        assert AuditRow.objects.filter(action__in=("proxy.approved", "proxy.ended")).count() == 3
    assert standing(line_id) == frozenset()


@pytest.mark.django_db
def test_a_version_that_learned_from_a_proxy_is_approved_only_while_the_approval_stands() -> None:
    line = make_line()
    version_id = make_version(line)
    said: dict[str, Any] = {"name": "dependents", "level": "proxy"}
    with platform_scope():
        version = ModelVersion.objects.get(id=version_id)
        version.report = {**version.report, "features": [said, {"name": "income", "level": "ok"}]}
        open_ones = [one["name"] for one in gates.unmet(version, now=now()) if not one["waivable"]]
    assert open_ones == ["proxies"]
    approve(line.id)
    with platform_scope():
        assert "proxies" not in [one["name"] for one in gates.unmet(version, now=now())]
        later = now() + timedelta(days=30)
        assert "proxies" in [one["name"] for one in gates.unmet(version, now=later)]
