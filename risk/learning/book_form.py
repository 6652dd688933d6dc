"""The form by which a loan book comes in: multipart/form-data, read to disk before any transaction opens."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import msgspec
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from hub.upload_forms import UploadForm, digest_of
from risk.learning.services import ControlTotals

TEXTS_BYTES_MAX = 1_000_000


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
    told = f"A book has at most {settings.BOOK_BYTES_MAX // 1_000_000} MB: compress it with gzip."
    form = UploadForm(request, _REMEDIES, bytes_max=settings.BOOK_BYTES_MAX + TEXTS_BYTES_MAX, too_large=told)
    mapping, sums = form.single("mapping"), _sums(form)
    if mapping is None:
        form.fault("mapping")
    file, texts = form.checked(_Texts)
    content = mapping.read(TEXTS_BYTES_MAX) if isinstance(mapping, UploadedFile) else mapping.encode()
    totals = ControlTotals(texts.rows, texts.sha256, sums)
    said = [texts.line, texts.train, msgspec.to_builtins(totals), hashlib.sha256(content).hexdigest(), digest_of(file)]
    return BookForm(file, content, texts.line, totals, texts.train, msgspec.json.encode(said))


def _sums(form: UploadForm) -> dict[str, Decimal]:
    text = form.single("sums")
    try:
        sums = msgspec.json.decode(text, type=dict[str, Decimal]) if text else {}
    except (msgspec.DecodeError, TypeError):
        sums = {"": Decimal("NaN")}
    if not all(total.is_finite() for total in sums.values()):
        form.fault("sums")
    return sums
