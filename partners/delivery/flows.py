"""The lives of an endpoint and of a delivery."""

from hub.flow import flow

ENDPOINT = flow("webhook endpoint", "active", active="disabled removed", disabled="active removed", removed="")
DELIVERY = flow("delivery", "waiting", waiting="delivered parked", delivered="waiting", parked="waiting")
