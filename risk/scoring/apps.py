"""`scoring` as a Django app."""

from django.apps import AppConfig


class ScoringConfig(AppConfig):
    """Model lines, versions, decision records."""

    name = "risk.scoring"
    label = "scoring"
