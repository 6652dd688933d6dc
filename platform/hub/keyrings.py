"""Master keys and index keys, several of each known at once, so that one can take over from another while all serve.

Pure: no settings, no database. What a rotation is made of stands in `hub.rotation`, how to do one in the runbook.
"""

import hashlib
import hmac
import os
from collections.abc import Sequence
from itertools import pairwise

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_BARE, _NAMED = b"\x01", b"\x02"
_NONCE, _NAME = 12, 4
INDEX = 32
"""Bytes of a bare index."""


class SealBroken(Exception):
    """A sealed field does not open: it was changed, moved, or its key is none of those that are known."""


def seal(key: bytes, plain: bytes, *, place: str) -> bytes:
    """Encrypt with AES-256-GCM; `place` is authenticated, not stored. Layout: format byte, nonce, ciphertext, tag."""
    nonce = os.urandom(_NONCE)
    return _BARE + nonce + AESGCM(key).encrypt(nonce, plain, place.encode())


def open_sealed(key: bytes, sealed: bytes, *, place: str) -> bytes:
    """Decrypt what `seal` made; `SealBroken` where the text, the key or the place is another one."""
    if sealed[:1] != _BARE:
        raise SealBroken("unknown format of a sealed field")
    return _decrypted(key, sealed[1:], place)


def _decrypted(key: bytes, sealed: bytes, place: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode())
    except (InvalidTag, ValueError) as error:
        raise SealBroken("a sealed field was changed, moved, or belongs to another key") from error


class MasterKeys:
    """The master keys that are known, 32 bytes each: the first seals, each of them opens.

    Layout: format byte 2, the key's name (4 bytes), nonce, ciphertext, tag. What older versions sealed has format
    byte 1 and names no key: each is tried.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._named = {_name(b"luopan master key", key): key for key in keys}
        self.name = next(iter(self._named))
        """Of the key that seals."""
        self.beginning = _NAMED + self.name
        """What begins every value that the first key has sealed, and no other."""
        self._first = keys[0]

    def seal(self, plain: bytes, *, place: str) -> bytes:
        """Encrypt under the first key; `place` ("table|column|row id") is authenticated, not stored."""
        nonce = os.urandom(_NONCE)
        return self.beginning + nonce + AESGCM(self._first).encrypt(nonce, plain, place.encode())

    def open(self, sealed: bytes, *, place: str) -> bytes:
        """Decrypt; `SealBroken` where the text or the place is another one, or no known key has sealed it."""
        if sealed[:1] == _BARE:
            return self._tried(sealed, place)
        key = self._named.get(sealed[1 : 1 + _NAME]) if sealed[:1] == _NAMED else None
        if key is None:
            raise SealBroken("a sealed field names a key that is not known")
        return _decrypted(key, sealed[1 + _NAME :], place)

    def _tried(self, sealed: bytes, place: str) -> bytes:
        *others, last = self._named.values()
        for key in others:
            try:
                return open_sealed(key, sealed, place=place)
            except SealBroken:
                continue
        return open_sealed(last, sealed, place=place)


class IndexKey:
    """A chain of keys, 32 bytes each, applied one after the other: an index made with fewer links can be lifted.

    The values behind most indexes are known to their institutions alone, so no index can be made anew; but
    HMAC(new, HMAC(old, value)) can be made of the old index. The last link alone is secret; those before it are
    needed, and give nothing away. An index with one link is bare (32 bytes); with more, the chain's name comes first.
    """

    def __init__(self, links: Sequence[bytes]) -> None:
        self.links = tuple(links)
        names = [_name(b"luopan index key", b"".join(self.links[:n])) for n in range(2, len(self.links) + 1)]
        self._names = (b"", *names)

    @property
    def name(self) -> bytes:
        """What its indexes begin with; empty with one link."""
        return self._names[-1]

    def of(self, message: bytes) -> bytes:
        """Return the index of a message."""
        first = hmac.digest(self.links[0], message, "sha256")
        return self.lift(first) if self.name else first

    def lift(self, index: bytes) -> bytes:
        """Return what this chain makes of the value that an index stands for; ValueError if it is of another chain."""
        raw, name = index[-INDEX:], index[:-INDEX]
        if len(raw) != INDEX or name not in self._names:
            raise ValueError("an index of another chain")
        for link in self.links[self._names.index(name) + 1 :]:
            raw = hmac.digest(link, raw, "sha256")
        return self.name + raw


class IndexKeys:
    """The index keys that are known: the first writes, each of them is looked for. Each continues the shorter ones."""

    def __init__(self, keys: Sequence[IndexKey]) -> None:
        self.first = keys[0]
        self._all = tuple(sorted(keys, key=lambda key: len(key.links)))
        for short, long in pairwise(self._all):
            if len(short.links) == len(long.links) or short.links != long.links[: len(short.links)]:
                raise ValueError("an index key does not continue another")

    def forms_of(self, messages: Sequence[bytes]) -> list[tuple[bytes, ...]]:
        """Return the forms of each of many messages."""
        if len(self._all) == 1 and not self.first.name:
            key = self.first.links[0]
            return [(hmac.digest(key, message, "sha256"),) for message in messages]
        return [self.forms(message) for message in messages]

    @property
    def longest(self) -> IndexKey:
        """The key that continues all others."""
        return self._all[-1]

    def forms(self, message: bytes) -> tuple[bytes, ...]:
        """Return every index that a message may stand under, that of the shortest chain first; one, mostly."""
        if len(self._all) == 1:
            return (self.first.of(message),)
        return tuple(key.of(message) for key in self._all)


def _name(purpose: bytes, key: bytes) -> bytes:
    return hashlib.sha256(purpose + b"|" + key).digest()[:_NAME]
