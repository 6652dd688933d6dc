"""Form fields that read numbers as people write them, and say in plain words what is wrong."""

import re
import unicodedata
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
_GROUPING = str.maketrans("", "", ", _'’")


def plain(value: str) -> str:
    """Return what was typed with wide digits made plain, and without spaces at the ends."""
    return unicodedata.normalize("NFKC", value).strip()


class Figure(forms.Field):
    """A number between two limits, in whole units or with one decimal: "12,000", "7.5", wide digits."""

    def __init__(self, *, low: int, high: int, decimals: int = 0, **kwargs: Any) -> None:
        keys = {"inputmode": "decimal" if decimals else "numeric", "autocomplete": "off"}
        super().__init__(widget=forms.TextInput(attrs=keys), **kwargs)
        self.low, self.high, self.decimals = low, high, decimals

    def to_python(self, value: Any) -> Any:
        """Return an int, or a float where decimals are read; None for nothing."""
        text = plain(str(value or "")[:40]).translate(_GROUPING)
        if not text:
            return None
        if not re.fullmatch(r"\d{1,12}(\.\d+)?", text, re.ASCII):
            raise ValidationError(_("Write a number in digits, such as 12000."), code="not_a_number")
        number = Decimal(text)
        if number != round(number, self.decimals):
            told = _("Use one decimal at most.") if self.decimals else _("Write a whole number, without decimals.")
            raise ValidationError(told, code="decimals")
        if not self.low <= number <= self.high:
            limits = {"low": f"{self.low:,}", "high": f"{self.high:,}"}
            told = _("Write a number between %(low)s and %(high)s.")
            raise ValidationError(told, code="out_of_range", params=limits)
        return float(number) if self.decimals else int(number)

    def prepare_value(self, value: Any) -> Any:
        """Show a kept number the way it was typed."""
        return f"{value:g}" if isinstance(value, float) else value


class Choice(forms.ChoiceField):
    """One of a few, as radio buttons. With `coerce=int` the answer is a number."""

    def __init__(self, *, options: list[tuple[Any, Text]], coerce: type = str, **kwargs: Any) -> None:
        told = {"required": _("Choose one of these."), "invalid_choice": _("Choose one of these.")}
        super().__init__(choices=options, widget=forms.RadioSelect, error_messages=told, **kwargs)
        self.coerce = coerce

    def clean(self, value: Any) -> Any:
        """Return the chosen value in its own type."""
        return self.coerce(super().clean(value))


class Phone(forms.CharField):
    """A telephone number; eight digits alone are a number of Hong Kong. Cleaned: E.164, such as +85291234567."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=30, widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}), **kwargs)

    def to_python(self, value: Any) -> str:
        """Return the number with its country."""
        text = re.sub(r"[\s().-]", "", plain(super().to_python(value) or ""))
        if re.fullmatch(r"[2-9]\d{7}", text, re.ASCII):
            text = f"+852{text}"
        if text and not re.fullmatch(r"\+[1-9]\d{7,14}", text, re.ASCII):
            told = _("Write a telephone number, with + and its country unless it is one of Hong Kong.")
            raise ValidationError(told, code="not_a_phone")
        return text


class Code(forms.CharField):
    """The six digits of a one-time code."""

    def __init__(self, **kwargs: Any) -> None:
        keys = {"inputmode": "numeric", "autocomplete": "one-time-code"}
        super().__init__(max_length=20, widget=forms.TextInput(attrs=keys), **kwargs)

    def to_python(self, value: Any) -> str:
        """Return the digits."""
        text = re.sub(r"[\s-]", "", plain(super().to_python(value) or ""))
        if text and not re.fullmatch(r"\d{6}", text, re.ASCII):
            raise ValidationError(_("The code has six digits."), code="not_a_code")
        return text
