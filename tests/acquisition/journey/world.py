"""A world for borrowers: a model of the platform that knows the questions, and sandboxes with products."""

from typing import Any
from uuid import UUID, uuid4

from hub import audit
from hub.clock import now
from hub.tenancy import platform_scope
from partners.institutions.queries import InstitutionView
from risk.scoring import registry
from risk.scoring.models import ModelLine, ModelVersion
from tests import console_world
from tests.factories import make_institution
from tests.partners.product_factory import make_live

ACTOR = audit.system_actor("tests")
GRIDS = {"A": "6", "B": "9", "C": "14", "D": "19", "E": "30"}
_kept: dict[str, Any] = {}


def champion(line_name: str = "consumer") -> UUID:
    """Give a line of the platform a champion; it is trained once in a process."""
    version_id = challenger(line_name)
    console_world.approve(version_id, [uuid4(), uuid4()])
    return version_id


def challenger(line_name: str = "consumer") -> UUID:
    """Give a line of the platform a version that nobody has approved yet."""
    with platform_scope():
        line = registry.ensure_line(
            name=line_name, institution_id=None, purpose="consumer", jurisdiction="HK", actor=ACTOR, now=now()
        )
    return _again(line.id) if _kept else _trained(line)


def _trained(line: ModelLine) -> UUID:
    console_world.read_book(rows=2500, line=line.name)
    _, version_id = console_world.train(line.id)
    with platform_scope():
        made = ModelVersion.objects.get(id=version_id)
    _kept.update(
        artefact=bytes(made.artefact), manifest=made.manifest, calibration=made.calibration, report=made.report
    )
    return version_id


def _again(line_id: UUID) -> UUID:
    with platform_scope():
        return registry.register_version(
            line_id=line_id, run_id=uuid4(), **_kept, trainer_id=None, actor=ACTOR, now=now()
        )


def sandbox(*, lenders: int = 2, rules: list[dict[str, Any]] | None = None, **changes: Any) -> InstitutionView:
    """Make a sandbox with so many products, each a little dearer than the one before."""
    made = make_institution()
    for at in range(lenders):
        grid = {grade: str(float(rate) + at) for grade, rate in GRIDS.items()}
        make_live(made.id, name=f"Loan {at + 1}", rules=[] if rules is None else rules, grid=grid, **changes)
    return made
