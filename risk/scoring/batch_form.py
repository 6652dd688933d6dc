"""The form by which a file of people comes in: multipart/form-data, on disk before any transaction opens."""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from hub.upload_forms import UploadForm, digest_of
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
    limit = settings.SCORE_BATCH_BYTES_MAX + _TEXTS_BYTES_MAX
    file, texts = UploadForm(request, _REMEDIES, bytes_max=limit, too_large=too_large()).checked(_Texts)
    said = msgspec.json.encode([*msgspec.structs.astuple(texts), digest_of(file)])
    return BatchForm(file, texts.model_line, texts.format, ControlTotals(texts.count, texts.sha256), said)
