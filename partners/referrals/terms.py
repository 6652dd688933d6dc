"""Terms of a loan: made with their cost sheet, stored as JSON, compared, and written as the text that is signed."""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from hub.finance.cost import CostSheet, cost_sheet
from hub.money import DIGITS
from partners.referrals.shapes import TermsView


def from_sheet(sheet: CostSheet, *, currency: str, months: int, method: str, rounding: str) -> TermsView:
    """Return the terms of a cost sheet. `months` is the agreed term: rounded instalments may pay off sooner."""
    return TermsView(
        currency=currency,
        amount=sheet.amount,
        months=months,
        annual_rate_percent=sheet.rate_percent,
        fee_upfront=sheet.fee_upfront,
        method=method,
        rounding=rounding,
        apr_percent=sheet.apr_percent,
        instalment=sheet.instalment,
        last_instalment=sheet.last_instalment,
        total_interest=sheet.total_interest,
        total_cost=sheet.total_cost,
        total_payable=sheet.total_payable,
    )


def like(accepted: TermsView, *, amount: Decimal, months: int, rate: Decimal, fee: Decimal, start: date) -> TermsView:
    """Return a lender's final terms in the currency, method and rounding of the accepted ones."""
    sheet = cost_sheet(
        principal=amount, annual_rate_percent=rate, months=months, start=start, method=accepted.method,
        rounding=accepted.rounding, fee_upfront=fee, digits=DIGITS[accepted.currency],
    )  # fmt: skip
    return from_sheet(
        sheet, currency=accepted.currency, months=months, method=accepted.method, rounding=accepted.rounding
    )


def worse(final: TermsView, accepted: TermsView) -> list[str]:
    """Return in what final terms are worse for the borrower: then he must accept them anew. Another term counts too."""
    checks = {
        "amount": final.amount < accepted.amount,
        "months": final.months != accepted.months,
        "annual_rate_percent": final.annual_rate_percent > accepted.annual_rate_percent,
        "fee_upfront": final.fee_upfront > accepted.fee_upfront,
        "apr_percent": final.apr_percent > accepted.apr_percent,
    }
    return [name for name, is_worse in checks.items() if is_worse]


def stored(terms: TermsView) -> dict[str, Any]:
    """Return terms as JSON values; decimals become strings."""
    values: dict[str, Any] = msgspec.to_builtins(terms)
    return values


def read(values: Any) -> TermsView:
    """Make terms of stored JSON values again."""
    return msgspec.convert(values, TermsView)


def contract_text(terms: TermsView, **parties: str) -> tuple[str, str]:
    """Return what is signed, and its SHA-256 in hex.

    The text is canonical JSON: the parties and the terms in one object, keys in order, no white space, UTF-8.
    """
    text = msgspec.json.encode({**stored(terms), **parties}, order="sorted")
    return text.decode(), hashlib.sha256(text).hexdigest()


def read_contract(text: str) -> TermsView:
    """Return the terms of a contract's text."""
    values = msgspec.json.decode(text)
    return read({name: values[name] for name in TermsView.__dataclass_fields__})
