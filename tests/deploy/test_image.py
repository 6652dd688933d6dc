"""The image: pinned, without tools, not as root, and whole: what is copied into it runs by itself."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.deploy.files import DEPLOY, ROOT, document, is_command, tool

DOCKERFILE = DEPLOY / "Dockerfile"
PROBE = """
import sys
sys.argv = ["manage.py", "check"]
exec(compile(open("manage.py").read(), "manage.py", "exec"), {"__name__": "__main__", "__file__": "manage.py"})
import hub.urls, hub.celery, hub.wsgi
ours = {"hub", "partners", "risk", "acquisition"}
for name, module in sorted(sys.modules.items()):
    if name.partition(".")[0] in ours and getattr(module, "__file__", None):
        print(module.__file__)
"""


def stages() -> list[str]:
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    return [stage for stage in re.split(r"^(?=FROM )", text, flags=re.MULTILINE) if stage.startswith("FROM ")]


def copied() -> list[str]:
    """What the last stage takes from the tree."""
    found = re.findall(r"^COPY (?!--from)(.*)$", stages()[-1], re.MULTILINE)
    return [source for line in found for source in line.split()[:-1]]


def test_the_libraries_are_those_of_the_lock_with_their_hashes() -> None:
    build, run = stages()
    assert "--require-hashes --requirement /build/requirements.lock" in re.sub(r"\s+", " ", build)
    assert "--only-binary :all:" in build
    assert "COPY --from=build /opt/luopan /opt/luopan" in run
    lock = (ROOT / "requirements.lock").read_text()
    for name in re.search(r"uninstall --yes\s+([a-z -]+)", build)[1].split():  # type: ignore[index]  # it stands there
        assert re.search(rf"^{name}==", lock, re.MULTILINE), f"{name} is not in the lock"


def test_the_last_stage_has_no_tools_and_is_not_root() -> None:
    run = stages()[-1]
    commands = " ".join(re.findall(r"^RUN (.*)$", run, re.MULTILINE))
    assert not re.search(r"pip (?:--\S+ )*install|apt-get|gcc|make\b|curl|wget", commands)
    assert "pip uninstall --yes setuptools wheel pip" in commands
    assert re.findall(r"^USER (.*)$", run, re.MULTILINE) == ["10001:10001"]
    assert not re.search(r"SECRET|PASSWORD|_KEY|DATABASE_URL", run)


def test_it_starts_a_command_that_there_is() -> None:
    run = stages()[-1]
    assert 'ENTRYPOINT ["python", "manage.py"]' in run
    [command] = re.findall(r'^CMD \["([a-z_]+)"\]$', run, re.MULTILINE)
    assert is_command(command)
    assert "LUOPAN_PRODUCTION=1" in run


def test_what_is_left_out_of_the_context_is_not_copied() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert allowed == {*copied(), "requirements.lock"}


def test_the_copied_tree_runs_by_itself(tmp_path: Path) -> None:
    for name in copied():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, tmp_path / name)
    environment = {
        "PATH": os.environ["PATH"], "LUOPAN_HOME": os.environ["LUOPAN_HOME"], "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{tmp_path / 'platform'}:{tmp_path}", "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    modules = [line for line in done.stdout.splitlines() if line.endswith(".py")]
    assert len(modules) > 200
    assert [name for name in modules if not name.startswith(str(tmp_path))] == []


def test_the_version_is_the_same_everywhere() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for path in (DEPLOY / "kustomization.yaml", DEPLOY / "kubernetes/migrate/kustomization.yaml"):
        assert {image["newTag"] for image in document(path)["images"]} == {version}, path
    assert set(re.findall(r"image: luopan[a-z-]*:(\S+)", (DEPLOY / "compose.yaml").read_text())) == {version}
    for path in (DOCKERFILE, DEPLOY / "pgbouncer/Dockerfile"):
        assert f":{version}" in path.read_text().splitlines()[0], path


@pytest.mark.parametrize("path", ["Dockerfile", "pgbouncer/Dockerfile"])
def test_hadolint_finds_nothing(path: str) -> None:
    done = subprocess.run([tool("hadolint"), str(DEPLOY / path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
