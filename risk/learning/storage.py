"""Uploaded books on disk, from the hand-in until they are read: written beside, synced, then moved into their place."""

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
    """A file that lies complete on the disk under a passing name."""

    path: Path
    sha256: str
    size: int

    def settle(self, book_id: UUID) -> None:
        """Move it into the place of its book; that too survives a power cut."""
        self.path.replace(path_of(book_id))
        _sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove it, if it still lies under its passing name."""
        self.path.unlink(missing_ok=True)


def receive(chunks: Iterable[bytes]) -> Upload:
    """Write a stream to disk. Raises TooLarge over the limit of the settings, Unavailable where the disk is full."""
    folder = _folder()
    path = folder / f"incoming-{uuid4()}"
    try:
        digest, size = _write(path, chunks)
        _sync_folder(folder)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Unavailable(
            f"The file cannot be kept now ({error.strerror}): send it again later.", retry_after_s=60
        ) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Upload(path, digest, size)


def path_of(book_id: UUID) -> Path:
    """Where the file of a book lies."""
    return _folder() / str(book_id)


def remove(book_id: UUID) -> None:
    """Remove the file of a book that is read or refused: from now on only the sealed ledger holds its lines."""
    path_of(book_id).unlink(missing_ok=True)


def abandoned(*, now: datetime) -> list[Path]:
    """Files that nothing has touched for a day: each is either still waited for, or left over from a fall."""
    oldest = (now - ORPHAN_AGE).timestamp()
    return [path for path in sorted(_folder().iterdir()) if path.stat().st_mtime < oldest]


def _folder() -> Path:
    folder = Path(settings.UPLOAD_ROOT) / "books"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _write(path: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    limit: int = settings.BOOK_BYTES_MAX
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in chunks:
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"A book has at most {limit // 1_000_000} MB: compress it with gzip, or split it.")
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
