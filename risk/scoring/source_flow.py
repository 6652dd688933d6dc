"""The life of an inquiry at a data source."""

from hub.flow import flow

INQUIRY = flow(
    "inquiry", "asked", asked="answered no_record timed_out unavailable unusable", answered="", no_record="",
    timed_out="", unavailable="", unusable="",
)  # fmt: skip
