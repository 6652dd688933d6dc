"""Fault points: named places in the code where a test lets the process die. Off unless a test switches one on."""

import os
import signal
from pathlib import Path


def faultpoint(name: str) -> None:
    """Kill this process here, once, where LUOPAN_FAULTPOINT is `name:FILE`; FILE is written first, and tells so."""
    wanted, _, marker = os.environ.get("LUOPAN_FAULTPOINT", "").partition(":")
    if wanted != name or Path(marker).exists():
        return
    Path(marker).write_text(str(os.getpid()))
    os.kill(os.getpid(), signal.SIGKILL)
