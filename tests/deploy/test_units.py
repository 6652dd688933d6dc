"""The units of systemd: what they start is there, systemd accepts them, and they may do little else."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hub.celery import QUEUES
from tests.deploy.files import DEPLOY, ROOT, commands_in, is_command, readme_variables, tool

UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
EXPOSURE_MAX = 2.0  # of systemd-analyze: 0 is shut, 10 is open


def lines(path: Path, name: str) -> list[str]:
    """Every value of a setting; some stand in a unit more than once."""
    return re.findall(rf"^{name}=(.*)$", path.read_text(), re.MULTILINE)


def test_each_process_has_its_unit() -> None:
    assert {path.name for path in UNITS} == {
        "luopan.target", "luopan-web.service", "luopan-worker@.service", "luopan-beat.service",
        "luopan-migrate.service", "luopan-verify-audit.service", "luopan-verify-audit.timer", "luopan-backup.service",
        "luopan-backup.timer", "luopan-wal.service",
    }  # fmt: skip
    for path in UNITS:
        if path.suffix == ".timer":
            assert path.with_suffix(".service") in UNITS
    named = set(re.findall(r"luopan-worker@([a-z]+)", (DEPLOY / "README.md").read_text()))
    assert named == {*QUEUES}


def test_what_they_start_is_a_command_with_variables_of_the_readme() -> None:
    for path in SERVICES:
        [start] = lines(path, "ExecStart")
        assert start.startswith("/opt/luopan/.venv/bin/python /opt/luopan/"), path.name
        script = start.split()[1].removeprefix("/opt/luopan/")
        assert (ROOT / script).is_file(), path.name
        if script == "manage.py":
            assert all(is_command(name) for name in commands_in(start)), path.name
        else:
            assert f"    backup.py {start.split()[2]} " in (ROOT / script).read_text(), path.name
        for line in lines(path, "Environment"):
            names = {pair.split("=")[0] for pair in line.split()} - {"OMP_NUM_THREADS", "PYTHONUNBUFFERED"}
            assert names <= readme_variables(), path.name
        assert not re.search("KEY|PASSWORD|TOKEN|DATABASE_URL", path.read_text()), "a secret in the open"


def test_only_the_migrations_read_the_owner() -> None:
    readers = {path.name for path in SERVICES if "/etc/luopan/owner" in lines(path, "EnvironmentFile")}
    assert readers == {"luopan-migrate.service"}


def test_what_always_runs_comes_back() -> None:
    for path in SERVICES:
        parser = configparser.RawConfigParser(strict=False)
        parser.read(path)
        service = parser["Service"]
        assert service["user"] == "luopan", path.name
        assert (service.get("restart") == "always") == (service["type"] == "exec"), path.name


@pytest.fixture
def installed(tmp_path: Path) -> list[Path]:
    """The units as on a machine that has the tree, with an instance for each queue."""
    for path in UNITS:
        text = path.read_text().replace("/opt/luopan/.venv/bin/python", sys.executable)
        instances = [path.name.replace("@", f"@{queue}") for queue in QUEUES] if "@" in path.name else []
        for name in [path.name, *instances]:
            (tmp_path / name).write_text(text)
    return sorted(path for path in tmp_path.iterdir() if "@." not in path.name)


def test_systemd_accepts_them(installed: list[Path]) -> None:
    program = tool("systemd-analyze")
    done = subprocess.run(
        [program, "verify", "--man=no", *map(str, installed)], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "luopan" in line]
    assert (done.returncode, ours) == (0, [])


def test_systemd_finds_them_shut(installed: list[Path]) -> None:
    program = tool("systemd-analyze")
    for path in installed:
        if path.suffix == ".service":
            words = [program, "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE_MAX * 10:.0f}"]
            done = subprocess.run([*words, str(path)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{path.name}: {done.stdout[-100:]}"
