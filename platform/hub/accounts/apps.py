"""Accounts as a Django app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Staff and members: who signs in."""

    name = "hub.accounts"
    label = "accounts"
    verbose_name = "Accounts"
