"""What may stand in a log. Pure: values in, harmless values out.

A key that names something secret or personal hides its whole value; in every other string, what looks like a
credential, an address or a number of a person is struck out. Exceptions are told by their type and place alone.
"""

import re
import traceback
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePath
from typing import Any
from uuid import UUID

HIDDEN = "[redacted]"
_DEPTH_MAX = 6
_ITEMS_MAX = 50
_TEXT_MAX = 2000
_FRAMES_MAX = 8
_SECRET_WORDS = frozenset(
    "password passwd passphrase secret secrets token tokens authorization cookie cookies session sessionid csrf "
    "csrftoken key keys apikey code codes otp pin credential credentials signature jwt assertion dsn "
    "email mail phone mobile name names firstname lastname fullname surname address birthday birthdate dob passport "
    "hkid ssn iban "
    "card account feature features input inputs value values body payload params parameters data form query "
    "args kwargs reference headers".split()
)
_SECRET_STEMS = ("password", "passwd", "secret", "token", "authoriz", "cookie", "credential", "email")
_KEY_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_DATE = r"\d{4}-\d\d-\d\d"
_PATTERNS = re.compile(
    rf"(?P<keep>\b{_UUID}\b|\b{_DATE}(?:[ T]\d\d:\d\d[\d:.]*)?(?![\d-]))"
    r"|\b(?:Bearer|Basic|DPoP)\s+[\w.~+/=-]+"
    r"|\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"  # a JWT
    r"|[^\s@<>\"'(=:]+@[^\s@<>\"')]+\.\w+"  # an e-mail address
    r"|://[^\s/@]+:[^\s/@]+@"  # credentials within a URL
    r"|\?[\w%.\[\]-]+=[^\s\"']*"  # a query string
    r"|\b[A-Z]{1,2}\d{6}\(?[0-9A]?\)?"  # a Hong Kong identity card
    r"|\b(?:password|passwd|secret|token|api[_-]?key|code)\b\s*[=:]\s*\S+"
    r"|\+\d[\d ()-]{6,}\d"  # a telephone number with its country
    r"|(?<![\w.-])\d(?:[ -]?\d){6,}(?![\w-])",  # a long number: card, account, identity, telephone
    re.IGNORECASE,
)


def clean(value: Any, depth: int = 0) -> Any:
    """Return `value` as JSON can hold it, without secrets and personal data; unknown objects become their type."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, UUID | Decimal | date):
        return str(value)
    if isinstance(value, PurePath):
        return text(str(value))
    if isinstance(value, Mapping) and depth < _DEPTH_MAX:
        return mapping(value, depth)
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEPTH_MAX:
        return [clean(item, depth + 1) for item in list(value)[:_ITEMS_MAX]]
    return f"<{type(value).__name__}>"


def mapping(value: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
    """Clean each entry; one whose key names something secret or personal is hidden whole."""
    return {
        text(str(key)): HIDDEN if is_secret(str(key)) else clean(item, depth + 1)
        for key, item in list(value.items())[:_ITEMS_MAX]
    }


@lru_cache(maxsize=1024)
def is_secret(key: str) -> bool:
    """Tell whether a part of the key (split at case, `_`, `-`, `.`) is on the list, or the key holds a stem of it."""
    parts = {part.lower() for part in _KEY_PARTS.findall(key)}
    return bool(parts & _SECRET_WORDS) or any(stem in key.lower() for stem in _SECRET_STEMS)


def text(value: str) -> str:
    """Strike out what looks like a credential or a person's number; cut at 2000 characters."""
    return _PATTERNS.sub(_strike, value[:_TEXT_MAX])


def _strike(found: re.Match[str]) -> str:
    return found.group("keep") or HIDDEN


def error(caught: BaseException, causes: int = 3) -> dict[str, Any]:
    """Return type and place of an exception and of its causes; never its text, which may quote a row or a request.

    Of a database error also the SQLSTATE and the constraint: names of ours, no values.
    """
    told: dict[str, Any] = {"type": f"{type(caught).__module__}.{type(caught).__qualname__}", "at": _places(caught)}
    if state := getattr(caught, "sqlstate", None):
        told["sqlstate"] = state
        told["constraint"] = getattr(getattr(caught, "diag", None), "constraint_name", None)
    cause = caught.__cause__ or (None if caught.__suppress_context__ else caught.__context__)
    if cause is not None and causes:
        told["cause"] = error(cause, causes - 1)
    return told


def _places(caught: BaseException) -> list[str]:
    # The libraries' frames between ours say little; the last two say where it broke.
    frames = list(traceback.extract_tb(caught.__traceback__))
    kept = [frame for frame in frames[:-2] if "site-packages" not in frame.filename] + frames[-2:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in kept[-_FRAMES_MAX:]]


def _short(path: str) -> str:
    return "/".join(PurePath(path).parts[-3:])
