"""Uploaded books on disk, from the hand-in until they are read."""

from collections.abc import Iterable

from django.conf import settings

from hub.uploads import Upload, Uploads

BOOKS = Uploads("books")


def receive(chunks: Iterable[bytes]) -> Upload:
    """Write a stream to disk; errors as of `hub.uploads`."""
    limit: int = settings.BOOK_BYTES_MAX
    too_large = f"A book has at most {limit // 1_000_000} MB: compress it with gzip, or split it."
    return BOOKS.receive(chunks, bytes_max=limit, too_large=too_large)
