"""The lives of a loan book and of a training run."""

from hub.flow import flow

BOOK = flow("loan book", "registered", registered="reading refused", reading="read refused", read="", refused="")

# An interrupted run goes back into the queue; it keeps what it has fitted so far.
RUN = flow(
    "training run", "queued",
    queued="running failed cancelled", running="queued done failed cancelled", done="", failed="", cancelled="",
)  # fmt: skip
