"""Checks of our own for `manage.py check --deploy`."""


def register_all() -> None:
    """Register the checks."""
