"""`market` as a Django app."""

from django.apps import AppConfig


class MarketConfig(AppConfig):
    """The simulated market, and the demonstration that it fills."""

    name = "acquisition.market"
    label = "market"
