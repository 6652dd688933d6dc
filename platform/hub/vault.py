"""The secrets that lie outside the database: from the environment, or from one file made at the first start."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured

from hub import env
from hub.keyrings import IndexKey, IndexKeys, MasterKeys


@dataclass(frozen=True, repr=False)
class Secrets:
    """`secret_key` signs sessions and cursors; the others are 32 bytes each, in URL-safe base64.

    `..._also` are keys beside it that verify, open or are looked for, and make nothing: a successor before it takes
    over, and a predecessor until nothing of its making is left.
    """

    secret_key: str
    master_key: str
    index_key: str
    seal_key: str
    secret_keys_also: tuple[str, ...] = ()
    master_keys_also: tuple[str, ...] = ()
    index_keys_also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        single = {
            "master_key": [self.master_key], "master_keys_also": self.master_keys_also, "seal_key": [self.seal_key],
            "index_key": self.index_key.split("."),
            "index_keys_also": [link for key in self.index_keys_also for link in key.split(".")],
        }  # fmt: skip
        for name, keys in single.items():
            if any(len(_bytes(key)) != 32 for key in keys):
                raise ImproperlyConfigured(f"LUOPAN_{name.upper()} is not 32 bytes in URL-safe base64.")
        for name, keys in (("secret_key", [self.secret_key]), ("secret_keys_also", self.secret_keys_also)):
            if any(len(key) < 43 for key in keys):
                raise ImproperlyConfigured(f"LUOPAN_{name.upper()} is too short: give 43 random characters or more.")
        try:
            _ = self.index
        except ValueError:
            raise ImproperlyConfigured(
                "LUOPAN_INDEX_KEY and LUOPAN_INDEX_KEYS_ALSO do not continue each other: write the old key, a dot and "
                "32 bytes more (deploy/runbooks/rotate-keys.md)."
            ) from None

    @cached_property
    def master(self) -> MasterKeys:
        """The keys that wrap the data keys, and seal what is nobody's own."""
        return MasterKeys([_bytes(key) for key in (self.master_key, *self.master_keys_also)])

    @cached_property
    def index(self) -> IndexKeys:
        """The keys of the blind indexes."""
        chains = (self.index_key, *self.index_keys_also)
        return IndexKeys([IndexKey([_bytes(link) for link in chain.split(".")]) for chain in chains])

    @cached_property
    def seal(self) -> Ed25519PrivateKey:
        """The key that signs the heads of the audit's chain."""
        return Ed25519PrivateKey.from_private_bytes(_bytes(self.seal_key))


def _bytes(value: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(value.encode())
    except ValueError:
        return b""


NEEDED = ("secret_key", "master_key", "index_key", "seal_key")
ALSO = ("secret_keys_also", "master_keys_also", "index_keys_also")


def load(home: Path, *, may_make: bool) -> Secrets:
    """Read LUOPAN_SECRET_KEY, _MASTER_KEY, _INDEX_KEY and _SEAL_KEY, or the file that stands in for them.

    With them come LUOPAN_SECRET_KEYS_ALSO, _MASTER_KEYS_ALSO and _INDEX_KEYS_ALSO (commas between), if there are any.
    """
    given = {name: env.text(f"LUOPAN_{name.upper()}") for name in NEEDED}
    if all(given.values()):
        return _read({**given, **{name: env.words(f"LUOPAN_{name.upper()}") for name in ALSO}})
    missing = [f"LUOPAN_{name.upper()}" for name in NEEDED if not given[name]]
    if any(given.values()) or not may_make:
        raise ImproperlyConfigured(f"Set {', '.join(missing)}: the secrets come from the environment, all of them.")
    path = home / "secrets.json"
    kept = _kept(path)
    return _read(kept if kept.keys() >= set(NEEDED) else _completed(path))


def _read(values: dict[str, Any]) -> Secrets:
    needed: dict[str, Any] = {name: values[name] for name in NEEDED}
    return Secrets(**(needed | {name: tuple(values.get(name, ())) for name in ALSO}))


def _kept(path: Path) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return kept


def _completed(path: Path) -> dict[str, Any]:
    # One process at a time makes the file, or adds what an older version did not know of.
    draft = path.with_name(f"secrets.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.parent):
            made = {name: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() for name in NEEDED} | _kept(path)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(made, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
    except OSError as error:
        raise ImproperlyConfigured(
            f"Cannot write {path} ({error.strerror}): free the folder, or set LUOPAN_HOME to another."
        ) from error
    return made


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
