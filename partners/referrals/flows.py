"""The lives of a case, an offer, a referral and a contract."""

from hub.flow import flow

# A case whose referral lapses is offered again: the borrower may turn to another lender.
CASE = flow(
    "application", "open", open="offered closed", offered="open referred closed",
    referred="contracted offered closed", contracted="funded offered closed", funded="", closed="",
)  # fmt: skip
OFFER = flow("offer", "indicative", indicative="conditional replaced gone", conditional="", replaced="", gone="")
REFERRAL = flow(
    "referral", "created", created="asked countered approved declined withdrawn expired",
    asked="countered approved declined withdrawn expired", countered="approved withdrawn expired",
    approved="signed withdrawn expired", signed="funded withdrawn expired",
    funded="", declined="", withdrawn="", expired="",
)  # fmt: skip
CONTRACT = flow("contract", "prepared", prepared="shown", shown="signed", signed="")

LIVE = ("created", "asked", "countered", "approved", "signed")
TAKEN = (*LIVE, "funded")
