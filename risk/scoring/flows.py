"""The lives of model versions, of policy matrices, and of reviews of refusals by a person."""

from hub.flow import flow

# A version that was retired may come back: that is what a roll-back is.
VERSION = flow(
    "model version", "challenger", challenger="champion retired", champion="retired", retired="champion"
)  # fmt: skip
MATRIX = flow("policy matrix", "draft", draft="live", live="retired", retired="")
REVIEW = flow(
    "review", "open", open="assigned withdrawn", assigned="upheld overturned withdrawn", upheld="", overturned="",
    withdrawn="",
)  # fmt: skip
QUERY_ALERT = flow("query alert", "open", open="settled", settled="")
