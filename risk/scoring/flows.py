"""The life of a model version."""

from hub.flow import flow

# A version that was retired may come back: that is what a roll-back is.
VERSION = flow(
    "model version", "challenger", challenger="champion retired", champion="retired", retired="champion"
)  # fmt: skip
