"""What other apps may use of `delivery`."""

from partners.delivery.queries import EndpointView, gauges
from partners.delivery.services import register_endpoint, remove_endpoint
from partners.delivery.signing import SignatureRefused, verify

__all__ = [
    "EndpointView",
    "SignatureRefused",
    "gauges",
    "register_endpoint",
    "remove_endpoint",
    "verify",
]
