"""The form by which a file of reports comes in: multipart/form-data, read before any transaction opens."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

import msgspec
from rest_framework.request import Request

from hub.upload_forms import UploadForm, digest_of
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
    told = f"A file of reports has at most {FILE_BYTES_MAX // 1_000_000} MB: split it."
    form = UploadForm(request, _REMEDIES, bytes_max=FILE_BYTES_MAX + _TEXTS_BYTES_MAX, too_large=told)
    file, texts = form.checked(_Texts)
    total = Decimal(texts.sum) if texts.sum is not None else None
    said = msgspec.json.encode([texts.format, texts.count, texts.sum, texts.sha256, digest_of(file)])
    file.seek(0)
    return BatchForm(file.read(), texts.format, ControlTotals(texts.count, total, texts.sha256), said)
