"""Request bodies: JSON without its ambiguities, and typed values with every fault named.

What one parser takes and another refuses (two equal keys, NaN, a byte order mark) is refused here, so that a body
means the same to the institution, to the idempotency fingerprint and to the record.
"""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.utils.datastructures import MultiValueDict
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from hub.errors import FieldError, Invalid, Malformed, TooLarge, UnsupportedMedia

BODY_MAX = 1_000_000
DEPTH_MAX = 32
ERRORS_MAX = 100
NAME_MAX = 100
YEARS = range(1900, 2200)
_INTEGER_MAX = 2**63
T = TypeVar("T")
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment in a body: RFC 3339 with its offset."""


def raw_body(request: Request) -> bytes:
    """Return the body's bytes; `TooLarge` above BODY_MAX, judged by Content-Length before a byte is read.

    `UnsupportedMedia` for one that says it is compressed: nothing is unpacked here.
    """
    refuse_compressed(request)
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > BODY_MAX:
        raise TooLarge(f"Send at most {BODY_MAX:,} bytes.")
    try:
        body: bytes = request.body
    except RequestDataTooBig as error:
        raise TooLarge(f"Send at most {BODY_MAX:,} bytes.") from error
    return body


def refuse_compressed(request: Request) -> None:
    """Raise `UnsupportedMedia` for a body with a Content-Encoding: RFC 9110 section 15.5.16."""
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("Send the body as it is, without Content-Encoding.")


def strict_json(raw: bytes) -> Any:
    """Read one JSON text in UTF-8. `Malformed` says what is wrong with it, `TooLarge` refuses over a megabyte."""
    if len(raw) > BODY_MAX:
        raise TooLarge(f"Send at most {BODY_MAX:,} bytes.")
    try:
        value = msgspec.json.decode(raw)
        if b"\\u" not in raw and _keys(value, 0) == len(_KEY.findall(raw)):
            return value
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _Odd):
        pass  # read again, slowly, to say what is wrong
    return _strictly(raw)


class _Odd(Exception):
    """A value that the slow way must look at."""


# Each key ends so; what a string holds can only add to the count, and a key that came twice too.
_KEY = re.compile(rb'"[ \t\n\r]*:')


def _keys(value: Any, depth: int) -> int:
    """Return how many keys all objects in a value have."""
    if (type(value) is not dict and type(value) is not list) or depth >= DEPTH_MAX:
        raise _Odd
    count = len(value) if type(value) is dict else 0
    for item in value.values() if type(value) is dict else value:
        kind = type(item)
        if kind is dict or kind is list:
            count += _keys(item, depth + 1)
        elif kind is int and not -_INTEGER_MAX <= item < _INTEGER_MAX:
            raise _Odd
    return count


def _strictly(raw: bytes) -> Any:
    try:
        value = _DECODER.decode(raw.decode())
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    except RecursionError as error:
        raise Malformed(f"The body is nested more than {DEPTH_MAX} deep.") from error
    except json.JSONDecodeError as error:
        raise Malformed(f"The body is not JSON: line {error.lineno}, column {error.colno}.") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise Malformed("The body holds a number that is too large.") from error
    _inspect(value, 0)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Malformed("The body names a key twice in one object.")
    return made


def _no_constant(_: str) -> NoReturn:
    raise Malformed("NaN and Infinity are not JSON.")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)


def _inspect(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is str:
        _refuse_unstorable(value)
    elif kind is dict or kind is list:
        _inspect_container(value, depth + 1)
    elif (kind is float and value - value != 0) or (kind is int and not -_INTEGER_MAX <= value < _INTEGER_MAX):
        raise Malformed("The body holds a number that is too large.")


def _inspect_container(value: Any, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise Malformed(f"The body is nested more than {DEPTH_MAX} deep.")
    for item in value:
        _inspect(item, depth)
        if type(value) is dict:
            _inspect(value[item], depth)


def _refuse_unstorable(text: str) -> None:
    if text.isascii():
        if "\0" in text:
            raise Malformed("A string holds the character U+0000.")
        return
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Malformed("A string holds the character U+0000 or half of a surrogate pair.")


def form_parts(request: Request) -> dict[str, list[Any]]:
    """Return the parts of a multipart/form-data body by their names; `Malformed` where there is no body at all."""
    refuse_compressed(request)
    try:
        data = request.data
    except UnsupportedMediaType as error:
        raise UnsupportedMedia("Send a form with Content-Type: multipart/form-data.") from error
    if not isinstance(data, MultiValueDict):  # to the framework no body and no Content-Type is an empty dict
        raise Malformed("Send a form with Content-Type: multipart/form-data.")
    return dict(cast(MultiValueDict[str, Any], data).lists())


def decode(request: Request, type_: type[T]) -> T:
    """Return the JSON body as `type_` (a msgspec Struct with `forbid_unknown_fields`).

    `Invalid` names every fault by an RFC 6901 pointer with its remedy; `Malformed`, `TooLarge` and a 415 as above.
    """
    if not (raw := raw_body(request)):
        raise Malformed("Send a JSON body with Content-Type: application/json.")
    kind, _, parameters = (request.content_type or "").lower().partition(";")
    if kind.strip() != "application/json" or ("charset" in parameters and "utf-8" not in parameters):
        raise UnsupportedMedia("Send Content-Type: application/json, and the body in UTF-8.")
    return convert(strict_json(raw), type_)


def convert(data: Any, type_: type[T]) -> T:
    """Return what `strict_json` gave as `type_`; `Invalid` as of `decode`."""
    try:
        value = msgspec.convert(data, type_)
    except msgspec.ValidationError:
        raise Invalid(list(_faults(data, type_, ""))[:ERRORS_MAX]) from None
    if faults := list(_far_dates(value, type_, "")):
        raise Invalid(faults[:ERRORS_MAX])
    return value


def _far_dates(value: Any, declared: Any, pointer: str) -> Iterator[FieldError]:
    # In another time zone the first and the last years of the calendar can leave it, and no business is done there.
    if not _may_hold_dates(declared):
        return
    if isinstance(value, date):
        if value.year not in YEARS:
            yield FieldError(pointer, "out_of_range", f"Give a year from {YEARS[0]} to {YEARS[-1]}.")
    elif isinstance(value, msgspec.Struct):
        for name, shown, inner in _dated_fields(type(value)):
            yield from _far_dates(getattr(value, name), inner, f"{pointer}/{_escape(shown)}")
    elif isinstance(value, list | dict):
        inner = _inner_type(value, _plain(declared))
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _far_dates(item, inner, f"{pointer}/{_escape(str(key))}")


@cache
def _dated_fields(type_: type[msgspec.Struct]) -> list[tuple[str, str, Any]]:
    fields = [(field.name, field.encode_name, field.type) for field in msgspec.structs.fields(type_)]
    return [field for field in fields if _may_hold_dates(field[2])]


@cache
def _may_hold_dates(type_: Any) -> bool:
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return bool(_dated_fields(type_))
    if isinstance(type_, type) and not get_args(type_):
        return issubclass(type_, date)
    return any(_may_hold_dates(inner) for inner in get_args(type_))


# --- every fault, not only the first one that msgspec meets -----------------------------------------------------------


def _faults(value: Any, declared: Any, pointer: str) -> Iterator[FieldError]:
    type_ = _plain(declared)
    if isinstance(value, dict) and isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        yield from _struct_faults(value, type_, pointer)
        return
    inner = _inner_type(value, type_)
    if inner is not None:
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _faults(item, inner, f"{pointer}/{_escape(str(key))}")
    try:
        msgspec.convert(value, declared)
    except msgspec.ValidationError as error:
        path, fault = _read_message(str(error), type_)
        if inner is None or not path:
            yield FieldError(pointer + path, *fault)


def _struct_faults(value: dict[str, Any], type_: type[msgspec.Struct], pointer: str) -> Iterator[FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, f"{pointer}/{_escape(name)}")
        elif field.required:
            yield FieldError(f"{pointer}/{_escape(name)}", "missing", "Send this field.")
    if type_.__struct_config__.forbid_unknown_fields:
        for name in value.keys() - fields.keys():
            yield FieldError(f"{pointer}/{_escape(name)}", "unknown_field", "Leave it out: it means nothing here.")


def _plain(type_: Any) -> Any:
    """Return a type without its null, and without its limits."""
    others = [option for option in get_args(type_) if option is not NoneType]
    found = others[0] if get_origin(type_) in (Union, UnionType) and len(others) == 1 else type_
    return get_args(found)[0] if get_origin(found) is Annotated else found


def _inner_type(value: Any, type_: Any) -> Any:
    arguments = get_args(type_)
    if isinstance(value, dict) and get_origin(type_) is dict:
        return arguments[1]
    if isinstance(value, list) and get_origin(type_) is list:
        return arguments[0]
    return None


def _escape(name: str) -> str:
    # A key may be as long as the body; the answer may not.
    return name[:NAME_MAX].replace("~", "~0").replace("/", "~1")


_PATH = re.compile(r" - at `(?:key in )?\$(.*)`$")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")


def _read_message(message: str, type_: Any) -> tuple[str, tuple[str, str]]:
    """Part msgspec's message into a pointer below the value, a code and a remedy that repeats nothing sent."""
    found = _PATH.search(message)
    path = "".join("/" + _escape(name or index) for name, index in _STEP.findall(found[1] if found else ""))
    text = message[: found.start()] if found else message
    if choices := _choices(type_):
        return path, ("unknown_value", f"Send one of: {', '.join(choices)}.")
    if text.startswith("Invalid enum value"):
        return path, ("unknown_value", "Send one of the values that the description lists.")
    if text.startswith("Invalid "):
        return path, ("wrong_format", f"Send a valid {text.removeprefix('Invalid ')}.")
    if ", got `" in text:
        return path, ("wrong_type", f"{text}.")
    return path, ("out_of_range", f"{text}.")


def _choices(type_: Any) -> list[str]:
    if get_origin(type_) is Literal:
        return [str(value) for value in get_args(type_)]
    if isinstance(type_, type) and issubclass(type_, Enum):
        return [str(member.value) for member in type_]
    return []
