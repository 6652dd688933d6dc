"""The life of a file of people to be scored."""

from hub.flow import flow

BATCH = flow("score batch", "received", received="scoring failed", scoring="done failed", done="", failed="")
