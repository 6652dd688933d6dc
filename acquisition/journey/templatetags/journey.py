"""How amounts and rates are written on the borrower's pages."""

from decimal import Decimal

from django import template

from hub.money import DIGITS

register = template.Library()


@register.filter
def money(amount: Decimal, currency: str) -> str:
    """Write "HKD 12,345.60"."""
    return f"{currency}\u00a0{amount:,.{DIGITS.get(currency, 2)}f}"


@register.filter
def percent(rate: Decimal) -> str:
    """Write a rate in percent with two decimals: "12.34%"."""
    return f"{rate:.2f}%"
