"""The form by which a file of reports comes in: multipart/form-data, read before any transaction opens."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from hub.errors import FieldError, Invalid, TooLarge, Unavailable
from hub.parsing import form_parts
from partners.loans.bulk import FILE_BYTES_MAX, ControlTotals
from partners.loans.examples import SUM_PATTERN

_TEXTS_BYTES_MAX = 100_000


class _Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["ndjson", "csv"]
    count: Annotated[int, msgspec.Meta(ge=0, le=2**31)] | None = None
    sum: Annotated[str, msgspec.Meta(pattern=SUM_PATTERN.replace("$", r"\Z"))] | None = None
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{64}\Z")] | None = None


_REMEDIES = {
    "file": "Send one part called `file` with the reports, one a line.",
    "format": "Write ndjson or csv.",
    "count": "Write the number of lines with a report.",
    "sum": "Write what `amount` adds up to, such as 12345.67.",
    "sha256": "Write the file's SHA-256 as 64 hexadecimal digits.",
}


@dataclass(frozen=True, slots=True)
class BatchForm:
    """A form whose parts have the right shape; `fingerprint` is a digest of all that it says, the file included."""

    content: bytes
    format: str
    totals: ControlTotals
    fingerprint: bytes


def read_form(request: Request) -> BatchForm:
    """Read the request's form; `TooLarge` before a byte of it where it says so, `Invalid` with every fault."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > FILE_BYTES_MAX + _TEXTS_BYTES_MAX:
        raise TooLarge(f"A file of reports has at most {FILE_BYTES_MAX // 1_000_000} MB: split it.")
    try:
        parts = form_parts(request)
    except OSError as error:
        raise Unavailable(f"The file cannot be kept now ({error.strerror}): send it again later.") from error
    faults = [_fault(name) for name in parts if name not in _REMEDIES or len(parts[name]) != 1]
    file = parts["file"][0] if len(parts.get("file", [])) == 1 else None
    if not isinstance(file, UploadedFile):
        faults.append(_fault("file"))
    texts = _texts(parts, faults)
    if faults or texts is None or not isinstance(file, UploadedFile):
        raise Invalid(faults)
    content = file.read()
    total = Decimal(texts.sum) if texts.sum is not None else None
    said = msgspec.json.encode(
        [texts.format, texts.count, texts.sum, texts.sha256, hashlib.sha256(content).hexdigest()]
    )
    return BatchForm(content, texts.format, ControlTotals(texts.count, total, texts.sha256), said)


def _texts(parts: dict[str, list[Any]], faults: list[FieldError]) -> _Texts | None:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(_Texts):
        try:
            if field.name in parts or field.required:
                found[field.name] = msgspec.convert(parts.get(field.name, [None])[0], field.type, strict=False)
        except msgspec.ValidationError:
            faults.append(_fault(field.name))
    return None if faults else _Texts(**found)


def _fault(name: str) -> FieldError:
    if name in _REMEDIES:
        return FieldError(f"/{name}", "bad_part", _REMEDIES[name])
    return FieldError("/?", "unknown_part", f"Leave it out: the parts are {', '.join(_REMEDIES)}.")
