"""Forms by which files come in: multipart/form-data, on disk before any transaction opens."""

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from django.core.files.uploadedfile import UploadedFile
from rest_framework.request import Request

from hub.errors import FieldError, Invalid, TooLarge, Unavailable
from hub.parsing import form_parts

Texts = TypeVar("Texts", bound=msgspec.Struct)


class UploadForm:
    """The parts of a form, each allowed once; `remedies` tells of each of them what to send. Faults are collected."""

    def __init__(self, request: Request, remedies: Mapping[str, str], *, bytes_max: int, too_large: str) -> None:
        """Read the parts; `TooLarge` before a byte of them where the request says so, `Unavailable` by a full disk."""
        declared = request.META.get("CONTENT_LENGTH") or "0"
        if declared.isdigit() and int(declared) > bytes_max:
            raise TooLarge(too_large)
        try:
            self._parts = form_parts(request)
        except OSError as error:
            raise Unavailable(f"The file cannot be kept now ({error.strerror}): send it again later.") from error
        self._remedies = remedies
        self._faults: list[FieldError] = []
        for name, parts in self._parts.items():
            if name not in remedies or len(parts) != 1:
                self.fault(name)

    def fault(self, name: str) -> None:
        """Note that something is wrong with a part."""
        known, unknown = self._remedies.get(name), f"Leave it out: the parts are {', '.join(self._remedies)}."
        fault = FieldError(f"/{name}", "bad_part", known) if known else FieldError("/?", "unknown_part", unknown)
        self._faults.append(fault)

    def single(self, name: str) -> Any:
        """Return the one part of this name, a text or an UploadedFile; None where there is none, or several."""
        return self._parts[name][0] if len(self._parts.get(name, [])) == 1 else None

    def checked(self, texts: type[Texts]) -> tuple["UploadedFile[bytes]", Texts]:
        """Return the part `file` and the texts, by their names; `Invalid` with every fault noted so far."""
        file = self.single("file")
        if not isinstance(file, UploadedFile):
            self.fault("file")
        found = self._texts(texts)
        if self._faults or not isinstance(file, UploadedFile):
            raise Invalid(self._faults)
        return file, texts(**found)

    def _texts(self, texts: type[msgspec.Struct]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field in msgspec.structs.fields(texts):
            try:
                if field.name in self._parts or field.required:
                    given = self._parts.get(field.name, [None])[0]
                    found[field.name] = msgspec.convert(given, field.type, strict=False)
            except msgspec.ValidationError:
                self.fault(field.name)
        return found


def digest_of(file: "UploadedFile[bytes]") -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    return digest.hexdigest()
