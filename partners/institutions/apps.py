"""`institutions` as a Django app."""

from django.apps import AppConfig


class InstitutionsConfig(AppConfig):
    """Who the lenders are, and their API clients."""

    name = "partners.institutions"
    label = "institutions"
