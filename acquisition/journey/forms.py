"""The questions, one form a page. Limits are those of the answers; the sentences are for people."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from acquisition.journey import answers
from acquisition.journey.fields import Choice, Code, Figure, Phone, Text

PURPOSES: dict[str, Text] = {
    "debt_consolidation": _("Paying off other debts"),
    "renovation": _("Renovation"),
    "tax": _("Tax"),
    "wedding": _("Wedding"),
    "education": _("Education"),
    "medical": _("Medical costs"),
    "business": _("A business"),
    "travel": _("Travel"),
}
EMPLOYMENTS: dict[str, Text] = {
    "salaried": _("Employed, with a fixed salary"),
    "self_employed": _("Self-employed"),
    "part_time": _("Employed part-time"),
    "contract": _("On a contract for a limited time"),
    "retired": _("Retired"),
}
HOUSINGS: dict[str, Text] = {
    "rent": _("I rent on the private market"),
    "family": _("I live with my family"),
    "public_rental": _("I rent public housing"),
    "mortgage": _("I own my home and pay a mortgage"),
    "owned": _("I own my home without a mortgage"),
}
_MANY = answers.MONEY_MAX


class StepForm(forms.Form):
    """A page's questions. Browsers check nothing: what is wrong is told by us, in the reader's language."""

    title: ClassVar[Text] = ""
    lead: ClassVar[Text] = ""
    use_required_attribute = False
    required_told: ClassVar[Text] = _("This needs an answer.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if not isinstance(field, Choice):
                field.error_messages["required"] = self.required_told  # type: ignore[assignment]  # the stubs know _StrPromise

    def faults(self) -> list[tuple[str, str]]:
        """Return (the id to jump to, what is wrong) for each fault."""
        found = []
        for name, told in self.errors.items():
            anchor = "" if name == "__all__" else self[name].subwidgets[0].id_for_label or self[name].id_for_label
            found += [(anchor or "main", str(one)) for one in told]
        return found


class ConsentForm(StepForm):
    """Whether the answers may be scored."""

    title = _("Your consent")
    agree = forms.BooleanField(label=_("I agree that Luopan works out a credit score from my answers."))
    hard = forms.BooleanField(
        required=False,
        label=_(
            "I also agree that a credit bureau may be asked in a way that other lenders can see (a hard inquiry). "
            "You can go on without it."
        ),
    )
    required_told = _("Without your consent we cannot go on. Tick the box if you agree.")

    def __init__(self, *args: Any, hard: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not hard:
            del self.fields["hard"]


class AmountForm(StepForm):
    """How much, and for how long."""

    title = _("How much do you need?")
    amount = Figure(
        low=answers.AMOUNT_MIN, high=answers.AMOUNT_MAX, label=_("Amount in Hong Kong dollars"),
        help_text=_("Between 5,000 and 800,000. Borrow no more than you need."),
    )  # fmt: skip
    term = Choice(
        options=[(12, _("12 months")), (24, _("24 months")), (36, _("36 months")), (48, _("48 months")),
                 (60, _("60 months"))],
        coerce=int, label=_("Over how long do you want to pay it back?"),
        help_text=_("Longer means smaller instalments, and more interest in all."),
    )  # fmt: skip


class PurposeForm(StepForm):
    """What the money is for."""

    title = _("What is the loan for?")
    purpose = Choice(options=list(PURPOSES.items()), label=_("Purpose"))


class WorkForm(StepForm):
    """What work, and since when."""

    title = _("Your work")
    employment = Choice(options=list(EMPLOYMENTS.items()), label=_("What describes your work best?"))
    employment_years = Figure(
        low=0, high=80, decimals=1, label=_("For how many years have you done this work?"),
        help_text=_("Half a year is 0.5. If you are retired: for how many years."),
    )  # fmt: skip


class HousingForm(StepForm):
    """How the applicant lives, and on how much."""

    title = _("Your home")
    housing = Choice(options=list(HOUSINGS.items()), label=_("How do you live?"))
    essential_spending = Figure(
        low=0, high=_MANY, label=_("What do you need each month for rent and living?"),
        help_text=_(
            "In Hong Kong dollars: rent, food, travel, bills, school, care. "
            "Leave out what you pay for debts or a mortgage: that is asked later."
        ),
    )  # fmt: skip


class IncomeForm(StepForm):
    """What comes in."""

    title = _("Your income")
    monthly_income = Figure(
        low=1, high=_MANY, label=_("Monthly income in Hong Kong dollars, before tax"),
        help_text=_("Your salary, pension or profit in a usual month. Leave out what others in your home earn."),
    )  # fmt: skip


class DebtsForm(StepForm):
    """What is owed."""

    title = _("Your debts and cards")
    existing_debt = Figure(
        low=0, high=_MANY, label=_("What do you owe in all, without a mortgage?"),
        help_text=_("In Hong Kong dollars: loans, credit cards, overdrafts. Write 0 if nothing."),
    )  # fmt: skip
    monthly_payments = Figure(
        low=0, high=_MANY, label=_("What do you pay for debts each month?"),
        help_text=_("In Hong Kong dollars, a mortgage included. Write 0 if nothing."),
    )  # fmt: skip
    card_utilisation = Figure(
        low=0, high=200, decimals=1, required=False, label=_("How much of your card limits is used, in percent?"),
        help_text=_("If you owe 5,000 of a limit of 20,000, that is 25. Leave it empty if you have no card."),
    )  # fmt: skip


class HistoryForm(StepForm):
    """How it went so far."""

    title = _("Your credit history")
    lead = _("As well as you know. Lenders may compare this with a credit bureau later.")
    open_accounts = Figure(low=0, high=99, label=_("How many loans and credit cards do you have now?"))
    history_months = Figure(
        low=0, high=900, required=False, label=_("How many months ago did you get the first one?"),
        help_text=_("Five years are 60 months. Leave it empty if you do not know."),
    )  # fmt: skip
    inquiries_6m = Figure(
        low=0, high=99, label=_("For how many loans or cards did you apply in the last 6 months?"),
        help_text=_("Not counting this application."),
    )  # fmt: skip
    delinquencies_24m = Figure(
        low=0, high=99, label=_("How often did you pay late by 30 days or more in the last 24 months?")
    )


class PhoneForm(StepForm):
    """Which number."""

    title = _("Your mobile number")
    lead = _("We send a code to it, to know that it is you. Nobody calls you before you choose an offer.")
    phone = Phone(label=_("Mobile number"), help_text=_("For example 9123 4567, or +44 7700 900123."))


class CodeForm(StepForm):
    """The code."""

    title = _("The code we sent you")
    code = Code(label=_("Code of six digits"))


class ReviewForm(StepForm):
    """Nothing more to ask: send it."""

    title = _("Check your answers")


class ContestForm(StepForm):
    """Why a refusal is wrong."""

    title = _("Let a person look again")
    statement = forms.CharField(
        min_length=10, max_length=2_000, widget=forms.Textarea(attrs={"rows": 8}),
        label=_("Why do you disagree?"),
        help_text=_("Say what is wrong or missing, and how you could show it. Do not name other people."),
        error_messages={
            "min_length": _("Say it in a sentence."), "max_length": _("Make it shorter: 2,000 characters."),
        },
    )  # fmt: skip


class ShareForm(StepForm):
    """Whether this lender may have it."""

    title = _("Share with this lender")
    name = forms.CharField(
        max_length=120, label=_("Your full name, as in your identity document"),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    agree = forms.BooleanField()

    def __init__(self, *args: Any, lender: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["agree"].label = _("I agree that Luopan gives my application to %(lender)s.") % {"lender": lender}
        told = _("The lender can only decide if you agree. Tick the box, or go back to the offers.")
        self.fields["agree"].error_messages["required"] = told

    def clean_name(self) -> str:
        """Return the name; one with what cannot be seen would look like another's where the lender reads it."""
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise ValidationError(_("This cannot be right. Look at it again."), code="unprintable")
        return name


class SignForm(StepForm):
    """The signature."""

    title = _("Your contract")
    typed_name = forms.CharField(
        max_length=120, label=_("Type your full name to sign"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    terms_hash = forms.CharField(widget=forms.HiddenInput, max_length=64)


STEP_FORMS: dict[str, type[StepForm]] = {
    "amount": AmountForm,
    "purpose": PurposeForm,
    "work": WorkForm,
    "housing": HousingForm,
    "income": IncomeForm,
    "debts": DebtsForm,
    "history": HistoryForm,
}
