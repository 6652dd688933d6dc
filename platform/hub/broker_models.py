"""The broker's two tables. `hub.broker` reads and writes them in SQL: a worker's claim is no matter for the ORM."""

from django.db import models
from django.db.models.functions import Now


class BrokerMessage(models.Model):
    """A message that waits, is leased to a worker, or is due later: free to be claimed once `visible_at` has come."""

    queue = models.CharField(max_length=48)
    body = models.TextField()
    visible_at = models.DateTimeField(db_default=Now())
    enqueued_at = models.DateTimeField(db_default=Now())
    deliveries = models.PositiveSmallIntegerField(db_default=0)

    class Meta:
        app_label = "hub"
        indexes = [models.Index(fields=["queue", "visible_at", "id"], name="hub_brokermessage_claim")]

    def __str__(self) -> str:
        return f"{self.queue} {self.pk}"


class BrokerDead(models.Model):
    """A parked message: its worker died with it too often (`deliveries`), or its task refused it (`rejected`)."""

    queue = models.CharField(max_length=48)
    body = models.TextField()
    enqueued_at = models.DateTimeField()
    deliveries = models.PositiveSmallIntegerField()
    reason = models.CharField(max_length=16)
    parked_at = models.DateTimeField(db_default=Now())

    class Meta:
        app_label = "hub"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reason__in=["deliveries", "rejected"]), name="hub_brokerdead_reason_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.queue} {self.pk}, {self.reason}"
