"""`platform` is the standard library's module, from everywhere that Luopan is run, although a folder has the name."""

import os
import platform
import subprocess
import sys
import sysconfig
import time
import urllib.request
from pathlib import Path

import pytest

from tests.stack import free_port

ROOT = Path(__file__).resolve().parents[2]
SAY = "import platform; print(platform.system(), platform.__file__)"
RIGHT = f"{platform.system()} {sysconfig.get_path('stdlib')}/platform.py"


def run(*words: str) -> str:
    result = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return result.stdout


def test_from_pytest() -> None:
    assert f"{platform.system()} {platform.__file__}" == RIGHT
    assert platform.system() == os.uname().sysname


def test_from_the_root() -> None:
    assert run("-c", SAY).strip() == RIGHT


def test_from_manage() -> None:
    assert run("manage.py", "shell", "--no-imports", "-c", SAY).strip().endswith(RIGHT)


def test_from_celery() -> None:
    assert RIGHT in run("-m", "celery", "-A", "tests.walls.where", "worker", "--help").splitlines()


def test_from_granian() -> None:
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--no-ws"]
    server = subprocess.Popen(
        [*command, "tests.walls.where:application"], cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert answer(port) == RIGHT
    finally:
        server.terminate()
        server.wait(timeout=20)


def answer(port: int) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
                return str(response.read().decode())
        except OSError:
            time.sleep(0.1)
    pytest.fail("granian did not answer")
