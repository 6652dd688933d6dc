"""The lives of a loan book, of a training run and of labels that are held."""

from hub.flow import flow

BOOK = flow("loan book", "registered", registered="reading refused", reading="read refused", read="", refused="")

# An interrupted run goes back into the queue; it keeps what it has fitted so far.
RUN = flow(
    "training run", "queued",
    queued="running failed cancelled", running="queued done failed cancelled", done="", failed="", cancelled="",
)  # fmt: skip

HOLD = flow("label hold", "held", held="released rejected", released="", rejected="")
