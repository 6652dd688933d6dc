"""The kernel as a Django app."""

from django.apps import AppConfig


class HubConfig(AppConfig):
    """Mechanisms that every app shares."""

    name = "hub"
    verbose_name = "Kernel"

    def ready(self) -> None:
        """Make ours the Celery app of every thread, register the checks of our own and set up the logs."""
        from hub import celery, checks, observe

        celery.app.set_default()
        checks.register_all()
        observe.configure_logging()
