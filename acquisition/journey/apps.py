"""`journey` as a Django app."""

from django.apps import AppConfig


class JourneyConfig(AppConfig):
    """The borrower's way from the first page to the funded loan."""

    name = "acquisition.journey"
    label = "journey"
