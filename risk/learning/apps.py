"""`learning` as a Django app."""

from django.apps import AppConfig


class LearningConfig(AppConfig):
    """Loan books, labels, training."""

    name = "risk.learning"
    label = "learning"
