"""Rules over the whole tree: where things lie, how long they are, and what only one place may do."""

import ast
import statistics
import subprocess
from pathlib import Path

from tests.walls import source

TOP_FILES = {
    "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "manage.py", "pyproject.toml", "requirements-dev.lock",
    "requirements.lock",
}  # fmt: skip
TOP_FOLDERS = {"acquisition", "deploy", "partners", "platform", "risk", "tests"}
APPS = {
    "platform": {"hub"},
    "partners": {"institutions", "products", "referrals", "loans", "settlement", "delivery", "portal"},
    "risk": {"features", "scoring", "graph", "learning", "monitoring"},
    "acquisition": {"journey", "scene", "compass", "market"},
}
# Who may open the platform's scope: pages, the API's door, the broker, probes; tasks and commands of the system itself.
PLATFORM_SCOPE = {
    "platform/hub/accounts/management/commands/open_account.py", "platform/hub/management/commands/verify_audit.py",
    "platform/hub/management/commands/check_invariants.py", "platform/hub/management/commands/set_heads_aside.py",
    "platform/hub/api_auth.py", "platform/hub/enlist.py", "platform/hub/metrics.py", "platform/hub/pages.py",
    "platform/hub/probes.py", "platform/hub/rotation_command.py", "platform/hub/tasks.py",
    "partners/delivery/tasks.py", "partners/institutions/tasks.py", "partners/loans/tasks.py",
    "partners/referrals/tasks.py",
    "risk/learning/management/commands/import_book.py", "risk/learning/management/commands/train.py",
    "risk/learning/tasks.py", "risk/monitoring/tasks.py", "risk/scoring/management/commands/rollback.py",
    "risk/scoring/tasks.py",
    "acquisition/journey/inquiries.py",
    "acquisition/journey/tasks.py", "acquisition/market/borrowing.py", "acquisition/market/cycles.py",
    "acquisition/market/demo.py", "acquisition/market/simulation.py",
}  # fmt: skip
CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "datetime.datetime.now", "datetime.date.today",
    "time.time", "time.time_ns", "time.localtime", "time.gmtime", "timezone.now", "timezone.localtime", "localtime",
    "timezone.localdate", "localdate",
}  # fmt: skip
UNPICKLERS = {"pickle", "cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}


def test_the_top_holds_what_the_house_lists() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=source.ROOT, capture_output=True, text=True, check=True).stdout
    paths = [line.split("/") for line in tracked.splitlines()]
    assert {path[0] for path in paths if len(path) == 1 and not path[0].startswith(".")} <= TOP_FILES
    assert {path[0] for path in paths if len(path) > 1 and not path[0].startswith(".")} <= TOP_FOLDERS
    for room, apps in APPS.items():
        assert {path[1] for path in paths if path[0] == room and len(path) > 2} <= apps


def test_platform_is_no_package_and_holds_no_tests() -> None:
    assert not (source.ROOT / "platform" / "__init__.py").exists()
    below = [path.name for path in (source.ROOT / "platform").rglob("*.py")]
    assert not [name for name in below if name.startswith("test_") or name == "conftest.py"]


def test_every_test_folder_is_a_package() -> None:
    for path in source.files("tests"):
        assert (path.parent / "__init__.py").exists(), source.name(path)


def test_functions_and_files_stay_short() -> None:
    lengths = {who: lines for path in source.files(*source.ROOMS) for who, lines in source.functions(path)}
    assert {who: lines for who, lines in lengths.items() if lines > 60} == {}
    assert statistics.median(lengths.values()) <= 10
    files = {source.name(path): path.read_text().count("\n") for path in source.files(*source.ROOMS)}
    assert {who: lines for who, lines in files.items() if lines > 400} == {}


def test_the_platform_scope_is_opened_in_listed_modules_only() -> None:
    users = {source.name(path) for path in source.files(*source.ROOMS) if source.mentions(path, "platform_scope")}
    users -= {"platform/hub/tenancy.py"}  # where it is made
    assert users <= PLATFORM_SCOPE, "a module that opens the platform's scope sees every institution's rows: list it"
    assert users >= PLATFORM_SCOPE, "no longer used there: take it off the list"


def test_the_system_clock_is_read_in_one_place() -> None:
    readers = {
        f"{source.name(path)}:{line} {called}"
        for path in source.files(*source.ROOMS)
        for called, line in source.calls(path)
        if called in CLOCKS and source.name(path) != "platform/hub/clock.py"
    }
    assert readers == set()
    assert any(called == "datetime.now" for called, _ in source.calls(source.ROOT / "platform/hub/clock.py"))


def test_no_django_signals_of_our_own() -> None:
    assert [
        source.name(path) for path in source.files(*source.ROOMS) if imports(path) & {"django.db.models.signals"}
    ] == []
    assert [source.name(path) for path in source.files(*source.ROOMS) if source.mentions(path, "Signal")] == []


def test_nothing_unpickles() -> None:
    tops = {name.partition(".")[0] for path in source.files(*source.ROOMS) for name in imports(path)}
    assert tops & UNPICKLERS == set()


def test_the_kernel_names_apps_in_strings_only() -> None:
    for path in source.files("platform/hub"):
        rooms = {name.partition(".")[0] for name in imports(path)}
        assert rooms & {"partners", "risk", "acquisition"} == set(), source.name(path)


def test_no_model_is_fetched_around_the_facade() -> None:
    """import-linter does not see `get_model`: it stands in no module but for the kernel's own."""
    users = {
        source.name(path)
        for path in source.files(*source.ROOMS)
        for called, _ in source.calls(path)
        if called.rpartition(".")[2] == "get_model"
    }
    assert users <= {"platform/hub/records.py"}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(source.tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found
