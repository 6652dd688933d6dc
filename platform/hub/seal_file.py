"""The signed heads of the audit's chain, in a folder outside the database: a JSON line for each seal, and public keys.

Whoever may write the database cannot write this folder, and whoever reads it cannot sign: a cut tail shows here.
"""

import base64
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

HEADS = "heads.ndjson"
_LINE_MAX = 2_000


class Head(msgspec.Struct, frozen=True):
    """The newest seal, as it is signed and exported: hash in hex, the rows of it, the first and last of them."""

    number: int
    sealed_at: datetime
    hash: str
    rows: int
    first_row: UUID
    last_row: UUID


class Line(msgspec.Struct, frozen=True):
    """One exported head, the id of the key that signed it, and the signature in base64."""

    head: Head
    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class SealFile:
    """The folder of one installation's heads."""

    folder: Path

    def last_number(self) -> int:
        """Return the number of the newest exported head, 0 where there is none. A half-written last line is dropped."""
        path = self.folder / HEADS
        if not path.exists():
            return 0
        with path.open("rb+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LINE_MAX))
            end = file.read()
            whole = end[: end.rfind(b"\n") + 1]
            file.truncate(size - len(end) + len(whole))  # of a crash while it was written
        lines = whole.splitlines()
        return msgspec.json.decode(lines[-1], type=Line).head.number if lines else 0

    def append(self, heads: list[Head], key: Ed25519PrivateKey) -> None:
        """Sign and append heads, safe on the disk when this returns; the key's public half is put beside them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = self._publish(key.public_key())
        lines = [Line(head, name, base64.b64encode(key.sign(_message(head))).decode()) for head in heads]
        with (self.folder / HEADS).open("ab") as file:
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> Iterator[tuple[Line, bool]]:
        """Return each line and whether its signature is good. `msgspec.DecodeError` where one is unreadable."""
        path = self.folder / HEADS
        if not path.exists():
            return
        keys = {file.stem: _public(file) for file in self.folder.glob("*.pub")}
        with path.open("rb") as file:
            for raw in file:
                if not raw.endswith(b"\n"):
                    return  # it is being written
                line = msgspec.json.decode(raw, type=Line)
                yield line, _signed(line, keys.get(line.key))

    def set_aside(self, *, after: int) -> list[Head]:
        """Move the heads past this number to a file of their own, as evidence, and return them.

        For a database that was restored to an earlier moment: it will make other seals of the same numbers.
        """
        lines = [line for line, _ in self.read()]
        beyond = [line for line in lines if line.head.number > after]
        if beyond:
            self._write(self.folder / f"aside-{len(self.aside()) + 1}.ndjson", beyond)
            self._write(self.folder / HEADS, [line for line in lines if line.head.number <= after])
        return [line.head for line in beyond]

    def aside(self) -> list[Path]:
        """Return the files of heads that restores have set aside."""
        return sorted(self.folder.glob("aside-*.ndjson"))

    def _write(self, path: Path, lines: list[Line]) -> None:
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)

    def _publish(self, key: Ed25519PublicKey) -> str:
        raw = key.public_bytes_raw()
        name = hashlib.sha256(raw).hexdigest()[:16]
        path = self.folder / f"{name}.pub"
        if not path.exists():
            path.write_text(base64.b64encode(raw).decode() + "\n")
        return name


def _public(path: Path) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(path.read_text()))


def _message(head: Head) -> bytes:
    return b"luopan audit head|" + msgspec.json.encode(head)


def _signed(line: Line, key: Ed25519PublicKey | None) -> bool:
    if key is None:
        return False
    try:
        key.verify(base64.b64decode(line.signature), _message(line.head))
    except (InvalidSignature, ValueError):
        return False
    return True
