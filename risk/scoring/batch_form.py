"""The form by which a file of people comes in: multipart/form-data, on disk before any transaction opens."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from hub.errors import FieldError, Invalid, TooLarge, Unavailable
from hub.parsing import form_parts
from risk.scoring.batches import ControlTotals, too_large

_TEXTS_BYTES_MAX = 100_000


class _Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model_line: Annotated[str, msgspec.Meta(pattern=r"^[-a-zA-Z0-9_]+\Z", min_length=1, max_length=60)]
    format: Literal["ndjson", "csv"]
    count: Annotated[int, msgspec.Meta(ge=0, le=2**31)] | None = None
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{64}\Z")] | None = None


_REMEDIES = {
    "file": "Send one part called `file` with a person a line.",
    "model_line": "Name the model line: 1 to 60 letters, digits, - or _.",
    "format": "Write ndjson or csv.",
    "count": "Write the number of line feeds in the file, that of a CSV's header included.",
    "sha256": "Write the file's SHA-256 as 64 hexadecimal digits.",
}


@dataclass(frozen=True, slots=True)
class BatchForm:
    """A form whose parts have the right shape; `fingerprint` is a digest of all that it says, the file included."""

    file: "UploadedFile[bytes]"
    model_line: str
    format: str
    totals: ControlTotals
    fingerprint: bytes


def read_form(request: Request) -> BatchForm:
    """Read the request's form; `TooLarge` before a byte of it where it says so, `Invalid` with every fault."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > settings.SCORE_BATCH_BYTES_MAX + _TEXTS_BYTES_MAX:
        raise TooLarge(too_large())
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
    said = msgspec.json.encode([*msgspec.structs.astuple(texts), _digest(file)])
    return BatchForm(file, texts.model_line, texts.format, ControlTotals(texts.count, texts.sha256), said)


def _digest(file: "UploadedFile[bytes]") -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()


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
