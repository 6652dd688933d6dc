"""Loaded below celery and granian: each tells which `platform` it got."""

import platform
from collections.abc import Iterable
from typing import Any

from celery import Celery

HERE = f"{platform.system()} {platform.__file__}"
app = Celery("where", set_as_current=False)


def application(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer every request with it."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [HERE.encode()]


print(HERE, flush=True)
