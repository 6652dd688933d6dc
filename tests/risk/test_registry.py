"""Two people promote, neither the trainer; one command rolls back; one champion at a time."""

from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError

from hub.clock import now
from hub.errors import Conflict, Forbidden, Invalid, NotFound
from hub.models import AuditRow, OutboxEvent
from hub.tenancy import platform_scope, tenant_scope
from risk.scoring import registry
from risk.scoring.facade import ArtefactError, Calibration, champion_ready, manifest_of
from risk.scoring.models import Approval, ModelVersion, Promotion
from tests.risk.registry_factory import (
    ACTOR,
    OSCAR,
    RITA,
    TRAINER,
    artefact,
    make_champion,
    make_line,
    make_version,
)

pytestmark = pytest.mark.django_db


def approve(version_id: UUID, user_id: UUID) -> None:
    with platform_scope():
        registry.approve_version(version_id=version_id, user_id=user_id, now=now())


def refused(version_id: UUID, user_id: UUID, error: type[Exception]) -> None:
    # As a page does: the refusal is shown and the transaction, audit row included, commits.
    with platform_scope():
        with pytest.raises(error):
            registry.approve_version(version_id=version_id, user_id=user_id, now=now())
        assert AuditRow.objects.filter(action="model.approval_refused", actor_id=str(user_id)).count() == 1


def state(version_id: UUID) -> str:
    with platform_scope():
        return ModelVersion.objects.get(id=version_id).state


def test_the_second_approval_promotes() -> None:
    version_id = make_version(make_line())
    approve(version_id, RITA)
    assert state(version_id) == "challenger"
    approve(version_id, OSCAR)
    assert state(version_id) == "champion"
    with platform_scope():
        event = OutboxEvent.objects.get(type="model.promoted")
        assert event.payload["previous_id"] is None
        assert champion_ready() == (True, "consumer 1")


def test_the_trainer_cannot_approve() -> None:
    version_id = make_version(make_line())
    refused(version_id, TRAINER, Forbidden)
    with platform_scope():
        assert not Approval.objects.exists()


def test_the_database_refuses_the_trainer_too() -> None:
    version_id = make_version(make_line())
    with pytest.raises(IntegrityError, match="scoring_approval_not_by_trainer"), platform_scope():
        Approval.objects.create(version_id=version_id, user_id=TRAINER, trainer_id=TRAINER, sha256="0" * 64, at=now())


def test_one_person_approves_once() -> None:
    version_id = make_version(make_line())
    approve(version_id, RITA)
    refused(version_id, RITA, Conflict)
    assert state(version_id) == "challenger"


def test_a_champion_needs_no_approval() -> None:
    version = make_champion(make_line())
    refused(version.id, uuid4(), Conflict)


def test_an_unknown_version_cannot_be_approved() -> None:
    with platform_scope(), pytest.raises(NotFound):
        registry.approve_version(version_id=uuid4(), user_id=RITA, now=now())


def test_a_version_that_misses_a_criterion_is_refused_with_the_reason() -> None:
    version_id = make_version(make_line(), unmet=[("It is no better than chance.", False), ("Few bads.", True)])
    with platform_scope():
        with pytest.raises(Conflict, match=r"criteria\. It is no better than chance\."):
            registry.approve_version(
                version_id=version_id, user_id=RITA, waiver="I believe in it all the same.", now=now()
            )
        tries = AuditRow.objects.filter(action="model.approval_refused", actor_id=str(RITA))
        assert "no better than chance" in tries.get().details["detail"]
        assert not Approval.objects.exists()
    assert state(version_id) == "challenger"


def test_what_may_be_waived_needs_a_reason_of_each_approver() -> None:
    version_id = make_version(make_line(), unmet=[("Only 12 bad loans.", True)])
    reason = "A new line: nothing better is to be had this year."
    with platform_scope():
        for words in ("", "because", " " * 40):
            with pytest.raises(Invalid) as refusal:
                registry.approve_version(version_id=version_id, user_id=RITA, waiver=words, now=now())
            assert [(one.pointer, one.code) for one in refusal.value.errors] == [("/waiver", "waiver_needed")]
            assert "Only 12 bad loans." in refusal.value.detail
        registry.approve_version(version_id=version_id, user_id=RITA, waiver=f" {reason} ", now=now())
        with pytest.raises(Invalid):
            registry.approve_version(version_id=version_id, user_id=OSCAR, now=now())
        registry.approve_version(version_id=version_id, user_id=OSCAR, waiver=reason, now=now())
        assert list(Approval.objects.values_list("waiver", flat=True)) == [reason, reason]
    assert state(version_id) == "champion"


def test_no_waiver_is_kept_where_none_is_needed() -> None:
    version_id = make_version(make_line())
    with platform_scope():
        registry.approve_version(
            version_id=version_id, user_id=RITA, waiver="It was not asked for, but here.", now=now()
        )
        assert Approval.objects.get().waiver == ""


def test_roll_back_and_no_further() -> None:
    line = make_line()
    first, second = make_champion(line), make_champion(line, seed=2)
    assert (state(first.id), state(second.id)) == ("retired", "champion")
    with platform_scope():
        registry.roll_back(line_id=line.id, actor=ACTOR, now=now())
    assert (state(first.id), state(second.id)) == ("champion", "retired")
    with platform_scope():
        assert Promotion.objects.filter(rolled_back=True).count() == 1
        with pytest.raises(Conflict, match="no earlier champion"):
            registry.roll_back(line_id=line.id, actor=ACTOR, now=now())


def test_a_line_has_one_champion() -> None:
    line = make_line()
    make_champion(line)
    version_id = make_version(line, seed=2)
    with pytest.raises(IntegrityError, match="scoring_modelversion_one_champion"), platform_scope():
        ModelVersion.objects.filter(id=version_id).update(state="champion")


def test_the_database_knows_the_flow() -> None:
    version = make_champion(make_line())
    with pytest.raises(IntegrityError, match="scoring_modelversion_state_flow"), platform_scope():
        ModelVersion.objects.filter(id=version.id).update(state="challenger")


def test_a_run_registers_once() -> None:
    line, run_id, data = make_line(), uuid4(), artefact()
    with platform_scope():
        ids = {
            registry.register_version(
                line_id=line.id, run_id=run_id, artefact=data, manifest=dict(manifest_of(data)),
                calibration=Calibration(), report={}, trainer_id=None, actor=ACTOR, now=now(),
            )
            for _ in range(2)
        }  # fmt: skip
        assert len(ids) == ModelVersion.objects.count() == OutboxEvent.objects.filter(type="model.registered").count()


@pytest.mark.fault("F26")
def test_damaged_bytes_do_not_get_in() -> None:
    line, data = make_line(), bytearray(artefact())
    manifest = dict(manifest_of(bytes(data)))
    data[len(data) // 2] ^= 1
    with platform_scope(), pytest.raises(ArtefactError):
        registry.register_version(
            line_id=line.id, run_id=uuid4(), artefact=bytes(data), manifest=manifest, calibration=Calibration(),
            report={}, trainer_id=None, actor=ACTOR, now=now(),
        )  # fmt: skip
    with platform_scope():
        assert not ModelVersion.objects.exists()


@pytest.mark.fault("F26")
def test_a_changed_artefact_is_not_ready() -> None:
    version = make_champion(make_line())
    with platform_scope():
        ModelVersion.objects.filter(id=version.id).update(artefact=b"{}")
        ready, why = champion_ready()
    assert not ready
    assert "does not load" in why


def test_a_line_is_one_purpose() -> None:
    make_line()
    with platform_scope(), pytest.raises(Conflict):
        registry.ensure_line(
            name="consumer", institution_id=None, purpose="small_business", jurisdiction="HK", actor=ACTOR, now=now()
        )


def test_a_tenant_reads_the_platforms_versions_and_not_another_tenants() -> None:
    bank = uuid4()
    make_champion(make_line())
    make_champion(make_line("own", bank))
    with tenant_scope(uuid4()):
        assert list(ModelVersion.objects.values_list("line__name", flat=True)) == ["consumer"]
    with tenant_scope(bank):
        assert ModelVersion.objects.count() == 2
