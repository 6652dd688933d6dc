"""What a challenger would change under lenders' live credit policies, as a replay of them told."""

from datetime import datetime
from uuid import UUID

from django.db import models

from hub.events import PoliciesReplayed
from hub.ids import uuid7


class PolicyShift(models.Model):
    """One lender and currency of one replay; without lender where the replay had nothing to tell.

    A replay is whole once `total` of its rows are here. Losses in major units, mean yearly rates in percent.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(
        "scoring.ModelVersion", on_delete=models.PROTECT, related_name="shifts", editable=False, db_index=False
    )
    replay_id = models.UUIDField(editable=False)
    champion_id = models.UUIDField(null=True, editable=False)
    applications = models.PositiveIntegerField(editable=False)
    total = models.PositiveIntegerField(editable=False)
    lender_id = models.UUIDField(null=True, editable=False)
    lender = models.CharField(max_length=200, editable=False)
    currency = models.CharField(max_length=3, editable=False)
    policies = models.PositiveIntegerField(editable=False)
    approved_before = models.PositiveIntegerField(editable=False)
    approved_after = models.PositiveIntegerField(editable=False)
    changed = models.PositiveIntegerField(editable=False)
    expected_loss_before = models.DecimalField(max_digits=24, decimal_places=4, editable=False)
    expected_loss_after = models.DecimalField(max_digits=24, decimal_places=4, editable=False)
    rate_before = models.DecimalField(max_digits=9, decimal_places=4, null=True, editable=False)
    rate_after = models.DecimalField(max_digits=9, decimal_places=4, null=True, editable=False)
    at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-at", "lender", "currency"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "replay_id", "lender_id", "currency"], name="scoring_policyshift_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="scoring_policyshift_counts",
                condition=models.Q(
                    total__gt=0, changed__lte=models.F("applications"), approved_after__lte=models.F("applications")
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.lender or 'nobody'} {self.at:%Y-%m-%d}"

    @property
    def changed_percent(self) -> float:
        """The share of applications that only one of the two models would show to the lender."""
        return 100 * self.changed / self.applications if self.applications else 0.0

    @classmethod
    def keep(cls, told: PoliciesReplayed, *, now: datetime) -> None:
        """Keep what an event tells; a second time changes nothing."""
        key = {"version_id": told.subject_id, "replay_id": told.replay_id, "lender_id": told.lender_id}
        same = (
            "champion_id", "applications", "total", "lender", "policies", "approved_before", "approved_after",
            "changed", "expected_loss_before", "expected_loss_after", "rate_before", "rate_after",
        )  # fmt: skip
        fields = {name: getattr(told, name) for name in same}
        cls.objects.get_or_create(**key, currency=told.currency, defaults={**fields, "at": now})

    @classmethod
    def newest(cls, version_id: UUID, *, champion_id: UUID | None = None) -> list["PolicyShift"]:
        """Return the newest whole replay of a version, with `champion_id` only if that one stood beside it."""
        rows = PolicyShift.objects.filter(version_id=version_id)
        if champion_id is not None:
            rows = rows.filter(champion_id=champion_id)
        for replay_id in dict.fromkeys(rows.order_by("-replay_id").values_list("replay_id", flat=True)):
            found = list(rows.filter(replay_id=replay_id).order_by("lender", "currency"))
            if len(found) == found[0].total:
                return found
        return []

    @classmethod
    def visible(cls, version_id: UUID) -> list["PolicyShift"]:
        """Return what the open scope may read of the newest whole replay: a lender his own, the platform all.

        A tenant sees no other rows than his own, so only the platform can tell whether a replay is whole; he is shown
        those of versions that were approved after it was.
        """
        rows = PolicyShift.objects.filter(version_id=version_id, lender_id__isnull=False)
        newest = rows.order_by("-replay_id").values_list("replay_id", flat=True).first()
        return list(rows.filter(replay_id=newest).order_by("lender", "currency")) if newest else []
