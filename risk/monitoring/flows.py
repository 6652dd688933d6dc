"""The life of an alert: one that opens again is a new one."""

from hub.flow import flow

ALERT = flow("alert", "open", open="closed", closed="")
