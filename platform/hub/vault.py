"""The secrets that lie outside the database: from the environment, or from one file made at the first start."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured

from hub import env


@dataclass(frozen=True, repr=False)
class Secrets:
    """`secret_key` signs sessions and cursors; the others are 32 bytes each, in URL-safe base64."""

    secret_key: str
    master_key: str
    index_key: str
    seal_key: str

    def __post_init__(self) -> None:
        for name in ("master_key", "index_key", "seal_key"):
            if len(_bytes(getattr(self, name))) != 32:
                raise ImproperlyConfigured(f"LUOPAN_{name.upper()} is not 32 bytes in URL-safe base64.")
        if len(self.secret_key) < 43:
            raise ImproperlyConfigured("LUOPAN_SECRET_KEY is too short: give 43 random characters or more.")

    @cached_property
    def master(self) -> bytes:
        """The key that wraps the data keys."""
        return _bytes(self.master_key)

    @cached_property
    def index(self) -> bytes:
        """The key of the blind indexes."""
        return _bytes(self.index_key)

    @cached_property
    def seal(self) -> Ed25519PrivateKey:
        """The key that signs the heads of the audit's chain."""
        return Ed25519PrivateKey.from_private_bytes(_bytes(self.seal_key))


def _bytes(value: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(value.encode())
    except ValueError:
        return b""


def load(home: Path, *, may_make: bool) -> Secrets:
    """Read LUOPAN_SECRET_KEY, _MASTER_KEY, _INDEX_KEY and _SEAL_KEY, or the file that stands in for them."""
    names = [field.name for field in fields(Secrets)]
    given = {name: env.text(f"LUOPAN_{name.upper()}") for name in names}
    if all(given.values()):
        return Secrets(**given)
    missing = [f"LUOPAN_{name.upper()}" for name in names if not given[name]]
    if any(given.values()) or not may_make:
        raise ImproperlyConfigured(f"Set {', '.join(missing)}: the secrets come from the environment, all of them.")
    path = home / "secrets.json"
    kept = _kept(path)
    return Secrets(**(kept if kept.keys() >= set(names) else _completed(path, names)))


def _kept(path: Path) -> dict[str, str]:
    return json.loads(path.read_text()) if path.is_file() else {}


def _completed(path: Path, names: list[str]) -> dict[str, str]:
    # One process at a time makes the file, or adds what an older version did not know of.
    draft = path.with_name(f"secrets.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.parent):
            made = {name: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() for name in names}
            made |= _kept(path)
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
