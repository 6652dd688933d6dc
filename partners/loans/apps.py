"""`loans` as a Django app."""

from django.apps import AppConfig


class LoansConfig(AppConfig):
    """Funded loans, what institutions report of them, and how they turned out."""

    name = "partners.loans"
    label = "loans"
