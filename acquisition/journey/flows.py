"""The states of an application. What becomes of it at the lenders is the state of its case, in `referrals`."""

from hub.flow import flow

# Declined, it goes on only where a person has overturned that.
APPLICATION = flow("loan application", "draft", draft="matched declined", matched="", declined="matched")
