"""Forms of the console for products, credit policies and budgets; they give what the services read."""

import json
from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError

from hub.errors import DomainError
from hub.money import DIGITS
from hub.parsing import strict_json
from partners.institutions.facade import all_institutions
from partners.products.budgets import COUNT_MAX, Caps
from partners.products.models import CreditPolicy, Product
from partners.products.policy import FACTS, GRADES, PolicyText
from partners.products.terms import NAME_MAX, TERM_MAX, ProductChange, ProductTerms, terms_of

_METHODS = [("equal_instalment", "Equal instalments"), ("equal_principal", "Equal parts of principal")]
_ROUNDINGS = [("half_up", "Half up"), ("half_even", "Half to even"), ("ceiling", "Up")]


class ChangeForm(forms.Form):
    """The terms of a product that may be changed."""

    name = forms.CharField(max_length=NAME_MAX)
    amount_min = forms.CharField(max_length=30, label="Smallest amount")
    amount_max = forms.CharField(max_length=30, label="Largest amount")
    terms = forms.CharField(max_length=300, help_text=f"Months, 1 to {TERM_MAX}, such as: 12 24 36.")
    method = forms.ChoiceField(choices=_METHODS)
    rounding = forms.ChoiceField(choices=_ROUNDINGS)
    fee_percent = forms.CharField(max_length=30, initial="0", help_text="Of the amount, kept back from it.")
    fee_flat = forms.CharField(max_length=30, initial="0")
    rate_a, rate_b, rate_c, rate_d, rate_e = (
        forms.CharField(
            max_length=30,
            required=False,
            label=f"Yearly rate of grade {grade}, in percent",
            help_text="Empty: not lent to.",
        )
        for grade in GRADES
    )

    def clean_terms(self) -> list[int]:
        """Read the months."""
        words = self.cleaned_data["terms"].replace(",", " ").split()
        if not all(word.isascii() and word.isdigit() and len(word) <= 3 for word in words):
            raise ValidationError("Write months as whole numbers, such as: 12 24 36.")
        return [int(word) for word in words]

    def clean(self) -> dict[str, Any]:
        """Make the rates a grid."""
        given = {name: value for name, value in self.cleaned_data.items() if not name.startswith("rate_")}
        rates = {grade: self.cleaned_data.get(f"rate_{grade.lower()}") for grade in GRADES}
        return {**given, "grid": {grade: rate for grade, rate in rates.items() if rate}}


class OpenForm(ChangeForm):
    """A new product."""

    institution = forms.TypedChoiceField()
    product_class = forms.RegexField(r"^[a-z][a-z0-9_]{2,39}\Z", initial="personal_instalment")
    currency = forms.ChoiceField(choices=[(code, code) for code in DIGITS], initial="HKD")
    jurisdiction = forms.RegexField(r"^[A-Z]{2}\Z", initial="HK", help_text="ISO 3166-1 alpha-2, such as HK.")
    field_order = ("institution", "name", "product_class", "currency", "jurisdiction")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["institution"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [(str(view.id), view.name) for view in all_institutions() if view.is_active]


class PolicyForm(forms.Form):
    """The rules of a credit policy, as the API takes them."""

    rules = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 18, "spellcheck": "false"}), max_length=50_000, strip=True,
        help_text='JSON: {"all": [{"fact": "monthly_income", "op": ">=", "value": 8000, "code": "income_floor"}]}. '
        f"Whoever passes all rules is wanted. Operators: >= <= == != in not_in. Facts: {', '.join(FACTS)}.",
    )  # fmt: skip

    def clean_rules(self) -> PolicyText:
        """Read the JSON."""
        try:
            return msgspec.convert(strict_json(self.cleaned_data["rules"].encode()), PolicyText)
        except (DomainError, msgspec.ValidationError) as error:
            raise ValidationError(f"This is no credit policy: {error}") from error


class BudgetForm(forms.Form):
    """The caps of a budget: of this month, and of those to come."""

    cap_amount = forms.CharField(max_length=30, required=False, help_text="Empty: no limit.")
    cap_count = forms.IntegerField(min_value=0, max_value=COUNT_MAX, required=False, help_text="Empty: no limit.")
    cap_expected_loss = forms.CharField(max_length=30, required=False, help_text="Empty: no limit.")

    def clean(self) -> dict[str, Any]:
        """Make what the service reads."""
        data = self.cleaned_data
        caps = Caps(
            cap_amount=data.get("cap_amount") or None,
            cap_count=data.get("cap_count"),
            cap_expected_loss=data.get("cap_expected_loss") or None,
        )
        return {**data, "caps": caps}


def product_initial(product: Product) -> dict[str, Any]:
    """Return a product's terms as the form shows them."""
    known = msgspec.structs.asdict(terms_of(product))
    rates = {f"rate_{grade.lower()}": rate for grade, rate in product.grid.items()}
    return {**known, **rates, "terms": " ".join(map(str, product.terms))}


def policy_initial(newest: CreditPolicy | None) -> dict[str, Any]:
    """Return the newest rules as the form shows them."""
    return {"rules": json.dumps(newest.rules if newest else {"all": []}, indent=1, ensure_ascii=False)}


def new_terms(data: dict[str, Any]) -> ProductTerms:
    """Return the terms of a new product."""
    return msgspec.convert({name: value for name, value in data.items() if name != "institution"}, ProductTerms)


def change(data: dict[str, Any]) -> ProductChange:
    """Return a change of terms."""
    return msgspec.convert(data, ProductChange)
