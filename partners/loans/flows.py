"""The lives of a loan and of a file of reports."""

from hub.flow import flow

# A correction may undo any end, and reports come in any order: so every state may follow every other one.
LOAN = flow(
    "loan", "active", active="closed charged_off sold rescinded", closed="active charged_off sold rescinded",
    charged_off="active closed sold rescinded", sold="active closed charged_off rescinded",
    rescinded="active closed charged_off sold",
)  # fmt: skip
BATCH = flow("file of reports", "received", received="applied", applied="")
