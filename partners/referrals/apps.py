"""`referrals` as a Django app."""

from django.apps import AppConfig


class ReferralsConfig(AppConfig):
    """Applications matched with products, and what each lender received of them."""

    name = "partners.referrals"
    label = "referrals"
