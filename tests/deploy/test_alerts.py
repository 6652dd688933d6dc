"""Rules, boards and runbooks against the metrics that the application really has."""

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from hub.clock import now
from hub.invariant_report import InvariantReport
from hub.tenancy import platform_scope
from tests.deploy.files import DEPLOY, ROOT, document, tool

PROMETHEUS = DEPLOY / "prometheus"
RUNBOOKS = DEPLOY / "runbooks"
HEADINGS = [
    "Symptom", "What it means", "What to look at", "What to do", "How to tell that it is over",
]  # fmt: skip
# Of other programs: Prometheus itself, RabbitMQ's /metrics/detailed, kube-state-metrics, the node exporter.
FOREIGN = {
    "up": {"job", "instance"},
    "rabbitmq_detailed_queue_messages": {"job", "instance", "vhost", "queue"},
    "kube_job_status_failed": {"namespace", "job_name"},
    "node_systemd_unit_state": {"name", "state"},
    "node_filesystem_avail_bytes": {"instance", "mountpoint", "fstype", "device"},
    "node_filesystem_size_bytes": {"instance", "mountpoint", "fstype", "device"},
}
_SELECTOR = re.compile(r"\b([a-z][a-z0-9]*(?:_[a-z0-9]+)+|up)(?:\{([^}]*)\}|\b(?!\())")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")
_WORDS = {"le", "job_name", "group_left"}  # labels and words of the language that look like names


def alerts() -> list[dict[str, Any]]:
    return [rule for group in document(PROMETHEUS / "rules.yaml")["groups"] for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in alerts():
        yield rule["alert"], rule["expr"]
    for path in sorted((DEPLOY / "grafana").glob("*.json")):
        for panel in document(path)["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}: {panel['title']}", target["expr"]


def selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    without_groups = re.sub(r"\b(?:by|without|on|ignoring)\s*\([^)]*\)", "", expression)
    for name, matchers in _SELECTOR.findall(without_groups):
        if name not in _WORDS and not name.startswith(("histogram_quantile", "label_")):
            yield name, dict(_MATCHER.findall(matchers))


@pytest.fixture
def exported(client: Client, db: None) -> dict[str, list[dict[str, str]]]:
    """The series of a running application that has answered each probe and checked its invariants."""
    with platform_scope():
        InvariantReport.renew(now=now())
    for path in ("/livez", "/readyz", "/metrics"):
        client.get(path)
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(client.get("/metrics").content.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_every_metric_and_label_of_a_rule_or_a_board_exists(exported: dict[str, list[dict[str, str]]]) -> None:
    seen: set[str] = set()
    for where, expression in expressions():
        used = list(selectors(expression))
        assert used, where
        for name, matchers in used:
            seen.add(name)
            known = FOREIGN.get(name) or {
                "job",
                "instance",
                *(label for one in exported.get(name, []) for label in one),
            }
            assert name in FOREIGN or name in exported, f"{where}: no such metric {name}"
            assert matchers.keys() <= known, f"{where}: {name} has no {matchers.keys() - known}"
            assert name in FOREIGN or matchers.get("job", "luopan") == "luopan"
            for label in ("state", "queue"):
                if name in exported and label in matchers:
                    assert matchers[label] in {one[label] for one in exported[name]}, where
    assert seen >= set(FOREIGN), "no longer used: take it off the list"
    ours = {name for name in exported if name.startswith("luopan_") and not name.endswith(("_sum", "_count"))}
    assert ours <= seen, "nobody looks at these"


def test_routes_that_rules_leave_out_are_the_probes(exported: dict[str, list[dict[str, str]]]) -> None:
    routes = {one["route"] for one in exported["luopan_requests_total"]}
    assert {"/livez", "/readyz", "/metrics"} <= routes
    asked = [one for one in exported["luopan_requests_total"] if (one["route"], one["method"]) == ("/readyz", "GET")]
    assert "503" in {one["status"] for one in asked}


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    books = {str(path.relative_to(ROOT)): path.read_text() for path in RUNBOOKS.glob("*.md")}
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "runbook"}, rule["alert"]
        text = books.pop(rule["annotations"]["runbook"])
        assert text.startswith(f"# {rule['alert']}\n")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS
        assert all(len(part.strip()) > 20 for part in re.split(r"^## .*$", text, flags=re.MULTILINE)[1:])
    assert books.keys() <= {"deploy/runbooks/rotate-keys.md"}, "nothing rings for these"


def test_each_alert_is_tried_silent_and_ringing() -> None:
    tests = document(PROMETHEUS / "rules.test.yaml")["tests"]
    names = {rule["alert"] for rule in alerts()}
    silent = {one["alertname"] for test in tests for one in test["alert_rule_test"] if not one.get("exp_alerts")}
    ringing = {one["alertname"] for test in tests for one in test["alert_rule_test"] if one.get("exp_alerts")}
    assert silent == ringing == names


def test_the_rules_ring_when_they_should() -> None:
    promtool = tool("promtool")
    for words in (["check", "rules", "rules.yaml"], ["test", "rules", "rules.test.yaml"]):
        done = subprocess.run([promtool, *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["prometheus.yml", "kubernetes.yml"])
def test_prometheus_accepts_its_configuration(name: str) -> None:
    done = subprocess.run(
        [tool("promtool"), "check", "config", "--syntax-only", str(PROMETHEUS / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_boards_are_whole() -> None:
    boards = [document(path) for path in sorted((DEPLOY / "grafana").glob("*.json"))]
    assert len({board["uid"] for board in boards}) == len(boards) == 2
    for board in boards:
        [source] = board["templating"]["list"]
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        places = [place for panel in board["panels"] for place in cells(panel["gridPos"])]
        assert len(set(places)) == len(places), "panels lie on each other"
        assert max(x for x, _ in places) < 24
        for panel in board["panels"]:
            assert panel["datasource"] == {"type": "prometheus", "uid": f"${{{source['name']}}}"}
            assert panel["fieldConfig"]["defaults"]["unit"]


def cells(at: dict[str, int]) -> Iterator[tuple[int, int]]:
    yield from ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"]))
