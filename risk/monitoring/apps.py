"""`monitoring` as a Django app."""

from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    """Figures of the models in use, their limits, alerts."""

    name = "risk.monitoring"
    label = "monitoring"
