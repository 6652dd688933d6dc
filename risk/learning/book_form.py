"""The form by which a loan book comes in: multipart/form-data, read to disk before any transaction opens."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from hub.errors import FieldError, Invalid, TooLarge, Unavailable
from hub.parsing import form_parts
from risk.learning.services import ControlTotals

TEXTS_BYTES_MAX = 1_000_000
_FIELDS = ("file", "mapping", "line", "rows", "sha256", "sums", "train")


class _Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    line: Annotated[str, msgspec.Meta(pattern=r"^[-a-zA-Z0-9_]+\Z", min_length=1, max_length=60)]
    rows: Annotated[int, msgspec.Meta(ge=0, le=2**31)] | None = None
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{64}\Z")] | None = None
    train: bool = False


_REMEDIES = {
    "line": "Name the model line: 1 to 60 letters, digits, - or _.",
    "rows": "Write the number of lines below the header.",
    "sha256": "Write the file's SHA-256 as 64 hexadecimal digits.",
    "train": "Write true or false.",
    "file": "Send one part called `file` with the book: CSV with a header, plain or gzip.",
    "mapping": "Send one part called `mapping` with the column mapping, in YAML or JSON.",
    "sums": 'Write sums of columns as JSON with texts: {"amount": "12345.67"}.',
}


@dataclass(frozen=True, slots=True)
class BookForm:
    """A form whose parts have the right shape; `fingerprint` is a digest of all that it says, the file included."""

    file: "UploadedFile[bytes]"
    mapping: bytes
    line: str
    totals: ControlTotals
    train: bool
    fingerprint: bytes


def read_form(request: Request) -> BookForm:
    """Read the request's form; `TooLarge` before a byte of it where it says so, `Invalid` with every fault."""
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > settings.BOOK_BYTES_MAX + TEXTS_BYTES_MAX:
        raise TooLarge(f"A book has at most {settings.BOOK_BYTES_MAX // 1_000_000} MB: compress it with gzip.")
    try:
        parts = form_parts(request)
    except OSError as error:
        raise Unavailable(f"The file cannot be kept now ({error.strerror}): send it again later.") from error
    faults = [_fault(name) for name in parts if name not in _FIELDS or len(parts[name]) != 1]
    file, mapping = _single(parts, "file"), _single(parts, "mapping")
    if not isinstance(file, UploadedFile):
        faults.append(_fault("file"))
    if mapping is None:
        faults.append(_fault("mapping"))
    texts = _texts(parts, faults)
    sums = _sums(_single(parts, "sums"), faults)
    if faults or texts is None:
        raise Invalid(faults)
    content = mapping.read(TEXTS_BYTES_MAX) if isinstance(mapping, UploadedFile) else mapping.encode()
    totals = ControlTotals(texts.rows, texts.sha256, sums)
    return BookForm(file, content, texts.line, totals, texts.train, _fingerprint(texts, content, totals, file))


def _single(parts: dict[str, list[Any]], name: str) -> Any:
    return parts[name][0] if len(parts.get(name, [])) == 1 else None


def _texts(parts: dict[str, list[Any]], faults: list[FieldError]) -> _Texts | None:
    given = {name: parts[name][0] for name in _Texts.__struct_fields__ if name in parts}
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(_Texts):
        try:
            if field.name in given or field.required:
                found[field.name] = msgspec.convert(given.get(field.name), field.type, strict=False)
        except msgspec.ValidationError:
            faults.append(_fault(field.name))
    return None if faults else _Texts(**found)


def _sums(text: Any, faults: list[FieldError]) -> dict[str, Decimal]:
    try:
        sums = msgspec.json.decode(text, type=dict[str, Decimal]) if text else {}
    except (msgspec.DecodeError, TypeError):
        sums = {"": Decimal("NaN")}
    if not all(total.is_finite() for total in sums.values()):
        faults.append(_fault("sums"))
    return sums


def _fault(name: str) -> FieldError:
    known = name in _FIELDS
    remedy = _REMEDIES.get(name, f"Leave it out: a book has the parts {', '.join(_FIELDS)}.")
    return FieldError(f"/{name[:100] if known else '?'}", "bad_part" if known else "unknown_part", remedy)


def _fingerprint(texts: _Texts, mapping: bytes, totals: ControlTotals, file: "UploadedFile[bytes]") -> bytes:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    said = [texts.line, texts.train, msgspec.to_builtins(totals), hashlib.sha256(mapping).hexdigest()]
    return msgspec.json.encode([*said, digest.hexdigest()])
