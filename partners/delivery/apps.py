"""`delivery` as a Django app."""

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    """The event log, and the webhooks that tell institutions of what stands in it."""

    name = "partners.delivery"
    label = "delivery"
