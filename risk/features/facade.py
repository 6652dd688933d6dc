"""What other apps may use of `features`. Free of Django, so that pure packages may import it."""

from risk.features.catalogue.feature import Direction, Feature, Kind

__all__ = ["Direction", "Feature", "Kind"]
