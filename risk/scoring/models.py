"""The registry of models, and the decision records made with them."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from hub.clock import now as clock_now
from hub.crypto import DataKey
from hub.ids import uuid7
from risk.scoring.batch_models import BatchLine, ScoreBatch
from risk.scoring.flows import VERSION
from risk.scoring.glassbox import Calibration, Scorer, load_artefact
from risk.scoring.matrix_models import MatrixApproval, PolicyMatrix
from risk.scoring.notice_models import Announcement, VersionPin
from risk.scoring.proxy_models import ProxyApproval
from risk.scoring.query_models import QueryAlert, QueryBudget
from risk.scoring.review_models import DecisionReview
from risk.scoring.shadow_models import Shadow, ShadowScore
from risk.scoring.shift_models import PolicyShift
from risk.scoring.source_models import Inquiry

__all__ = [
    "Announcement",
    "Approval",
    "BatchLine",
    "Decision",
    "DecisionReview",
    "Inquiry",
    "MatrixApproval",
    "ModelLine",
    "ModelVersion",
    "PolicyMatrix",
    "PolicyShift",
    "Promotion",
    "ProxyApproval",
    "QueryAlert",
    "QueryBudget",
    "ScoreBatch",
    "Shadow",
    "ShadowScore",
    "VersionPin",
]


class ModelLine(models.Model):
    """A purpose that models are fitted for: the platform's own, or one institution's."""

    PURPOSES: ClassVar = [
        ("consumer", "Consumer credit"),
        ("sole_trader", "Sole traders"),
        ("small_business", "Small businesses"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, blank=True, editable=False)
    name = models.SlugField(max_length=60)
    purpose = models.CharField(max_length=20, choices=PURPOSES)
    jurisdiction = models.CharField(max_length=2)
    created_at = models.DateTimeField(default=clock_now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint("institution_id", "name", name="scoring_modelline_name", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One fitted artefact with its calibration and validation report. The artefact never changes."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    line = models.ForeignKey(ModelLine, on_delete=models.PROTECT, related_name="versions", editable=False)
    number = models.PositiveIntegerField(editable=False)
    state = models.CharField(max_length=12, choices=VERSION.choices(), default=VERSION.first, editable=False)
    run_id = models.UUIDField(unique=True, editable=False)
    trainer_id = models.UUIDField(null=True, editable=False)
    artefact = models.BinaryField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    manifest = models.JSONField(editable=False)
    slope_micro = models.IntegerField(editable=False)
    intercept_micro = models.IntegerField(editable=False)
    report = models.JSONField(editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["line", "number"], name="scoring_modelversion_number"),
            models.UniqueConstraint(
                fields=["line"], condition=models.Q(state="champion"), name="scoring_modelversion_one_champion"
            ),
            models.CheckConstraint(condition=models.Q(slope_micro__gt=0), name="scoring_modelversion_slope_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.line.name} {self.number}"

    @property
    def calibration(self) -> Calibration:
        """The line on the logit that belongs to this version."""
        return Calibration(self.slope_micro, self.intercept_micro)

    @property
    def unmet(self) -> list[dict[str, Any]]:
        """The promotion criteria that its validation report says are not met."""
        return [one for one in self.report.get("criteria", []) if not one["met"]]

    def scorer(self) -> Scorer:
        """Load the artefact; `ArtefactError` where it is not the registered one."""
        return load_artefact(bytes(self.artefact), sha256=self.sha256)

    def become(self, state: str) -> None:
        """Change the state as the flow allows."""
        VERSION.check(self.state, state)
        self.state = state
        self.save(update_fields=["state"])


class Approval(models.Model):
    """One person's approval of one version, bound to the bytes that he saw.

    `waiver`: why he set aside the promotion criteria that are not met and may be waived.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="approvals", editable=False)
    user_id = models.UUIDField(editable=False)
    trainer_id = models.UUIDField(null=True, editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    waiver = models.CharField(max_length=500, blank=True, default="", db_default="", editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "user_id"], name="scoring_approval_once"),
            models.CheckConstraint(
                name="scoring_approval_not_by_trainer",
                condition=models.Q(trainer_id__isnull=True) | ~models.Q(user_id=models.F("trainer_id")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.version_id}"


class Promotion(models.Model):
    """When which version became champion, and which one stood there before."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    line = models.ForeignKey(ModelLine, on_delete=models.PROTECT, related_name="promotions", editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotions", editable=False)
    previous = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="+", editable=False)
    rolled_back = models.BooleanField(default=False, editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return f"{self.version_id} {self.at:%Y-%m-%d}"


class Decision(models.Model):
    """A decision record: what was asked (sealed under the person's key), what was answered, and by which versions.

    Of no institution where the platform decided on a borrower of its own. Parameters and matrix are those of its
    affordability, None where that was not asked.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    institution_id = models.UUIDField(null=True, editable=False)
    person = models.ForeignKey(DataKey, on_delete=models.PROTECT, editable=False, related_name="+")
    consent_id = models.UUIDField(editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+", editable=False)
    sha256 = models.CharField(max_length=64, editable=False)
    slope_micro = models.IntegerField(editable=False)
    intercept_micro = models.IntegerField(editable=False)
    bands_version = models.CharField(max_length=20, editable=False)
    parameters_version = models.CharField(max_length=20, null=True, editable=False)
    matrix_sha256 = models.CharField(max_length=64, null=True, editable=False)
    sealed = models.BinaryField(editable=False)
    logit_micro = models.BigIntegerField(editable=False)
    pd_12m = models.DecimalField(max_digits=7, decimal_places=6, editable=False)
    grade = models.CharField(max_length=2, editable=False)
    action = models.CharField(max_length=10, editable=False)
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(pd_12m__gte=0, pd_12m__lte=1), name="scoring_decision_pd_range"),
        ]
        indexes = [models.Index(fields=["institution_id", "created_at", "id"], name="scoring_decision_log")]

    def __str__(self) -> str:
        return f"{self.grade} {self.id}"

    @staticmethod
    def place(decision_id: UUID | str) -> str:
        """Where the sealed part of a decision belongs."""
        return f"scoring_decision|sealed|{decision_id}"
