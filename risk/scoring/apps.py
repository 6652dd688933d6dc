"""`scoring` as a Django app."""

from django.apps import AppConfig


class ScoringConfig(AppConfig):
    """Model lines, versions, decision records."""

    name = "risk.scoring"
    label = "scoring"

    def ready(self) -> None:
        """Refuse to start with data sources that cannot be."""
        from risk.scoring import sources

        sources.check_sources()
