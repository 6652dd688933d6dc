"""Uploaded files on disk, until they are read: written beside, synced, then moved into their place."""

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

from hub.errors import TooLarge, Unavailable

ORPHAN_AGE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that lies complete on the disk under a passing name. `lines` are its line feeds."""

    path: Path
    sha256: str
    size: int
    lines: int

    def settle(self, owner_id: UUID) -> None:
        """Move it into the place of its row; that too survives a power cut."""
        self.path.replace(self.path.parent / str(owner_id))
        _sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove it, if it still lies under its passing name."""
        self.path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Uploads:
    """The files of one kind, each under the id of the row that waits for it, in a folder below UPLOAD_ROOT."""

    name: str

    @property
    def folder(self) -> Path:
        """Where they lie; nobody else on the machine reads them."""
        folder = Path(settings.UPLOAD_ROOT) / self.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def receive(self, chunks: Iterable[bytes], *, bytes_max: int, too_large: str) -> Upload:
        """Write a stream to disk. `TooLarge` with this sentence over the limit, `Unavailable` where no room is left."""
        folder = self.folder
        path = folder / f"incoming-{uuid4()}"
        try:
            upload = _write(path, chunks, bytes_max, too_large)
            _sync_folder(folder)
        except OSError as error:
            path.unlink(missing_ok=True)
            raise Unavailable(
                f"The file cannot be kept now ({error.strerror}): send it again later.", retry_after_s=60
            ) from error
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return upload

    def path_of(self, owner_id: UUID) -> Path:
        """Where the file of a row lies."""
        return self.folder / str(owner_id)

    def remove(self, owner_id: UUID) -> None:
        """Remove the file of a row that needs it no longer."""
        self.path_of(owner_id).unlink(missing_ok=True)

    def abandoned(self, *, now: datetime) -> list[Path]:
        """Files that nothing has touched for a day: each is either still waited for, or left over from a fall."""
        oldest = (now - ORPHAN_AGE).timestamp()
        return [path for path in sorted(self.folder.iterdir()) if path.stat().st_mtime < oldest]


def _write(path: Path, chunks: Iterable[bytes], bytes_max: int, too_large: str) -> Upload:
    digest, size, lines = hashlib.sha256(), 0, 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > bytes_max:
                raise TooLarge(too_large)
            digest.update(chunk)
            lines += chunk.count(b"\n")
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return Upload(path, digest.hexdigest(), size, lines)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
