"""compose.yaml and the manifests of Kubernetes: fields that exist, commands that exist, names that lead somewhere."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.urls import Resolver404, resolve

from hub.celery import QUEUES
from tests.deploy.files import DEPLOY, ROOT, commands_in, document, documents, is_command, readme_variables
from tests.deploy.kubernetes import KINDS, Container, CronJob, Deployment, Job, NetworkPolicy, PodSpec

MANIFESTS = [*sorted((DEPLOY / "kubernetes").glob("*.yaml")), DEPLOY / "kubernetes/migrate/migrate.yaml"]
COMPOSE = document(DEPLOY / "compose.yaml")
LIBPQ = {"PGHOST", "PGPORT", "PGUSER", "PGPASSWORD"}
IMAGE_SETS = {"LUOPAN_PRODUCTION", "LUOPAN_BIND", "LUOPAN_PORT", "LUOPAN_HOME", "LUOPAN_SEALS"}


def resources() -> Iterator[dict[str, Any]]:
    for path in MANIFESTS:
        yield from documents(path)


def read(kind: str) -> list[Any]:
    return [msgspec.convert(one, KINDS[kind], strict=True) for one in resources() if one["kind"] == kind]


@cache
def pods() -> dict[str, PodSpec]:
    made: dict[str, PodSpec] = {}
    for one in read("Deployment"):
        made[one.metadata.name] = one.spec.template.spec
    for one in read("CronJob"):
        made[one.metadata.name] = one.spec.job_template.spec.template.spec
    for one in read("Job"):
        made[one.metadata.name] = one.spec.template.spec
    return made


def ours() -> dict[str, tuple[PodSpec, Container]]:
    return {name: (pod, pod.containers[0]) for name, pod in pods().items() if pod.containers[0].image == "luopan"}


def test_every_field_is_one_that_kubernetes_knows() -> None:
    for one in resources():
        made = msgspec.convert(one, KINDS[one["kind"]], strict=True)
        assert one["apiVersion"] == made.API
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", made.metadata.name)


def test_nothing_is_left_out_and_nothing_is_there_twice() -> None:
    listed = {DEPLOY / name for name in document(DEPLOY / "kustomization.yaml")["resources"]}
    assert listed == set(MANIFESTS[:-1])
    names = [(one["kind"], one["metadata"]["name"]) for one in resources()]
    assert len(set(names)) == len(names)
    for generated in document(DEPLOY / "kustomization.yaml")["configMapGenerator"]:
        assert all((DEPLOY / name).is_file() for name in generated["files"])


def test_the_pieces_that_are_needed_are_there() -> None:
    assert {*pods()} == {
        "web", *(f"worker-{queue}" for queue in QUEUES), "beat", "migrate", "verify-audit", "backup", "backup-wal",
        "pgbouncer", "haproxy",
    }  # fmt: skip
    budgets = {one.spec.selector.match_labels["app"] for one in read("PodDisruptionBudget")}
    assert budgets == {one.metadata.name for one in read("Deployment") if one.spec.replicas > 1}


def test_pods_have_no_more_rights_and_memory_than_they_need() -> None:
    for name, pod in pods().items():
        assert pod.security_context.run_as_non_root, name
        assert pod.security_context.run_as_user > 0, name
        assert pod.security_context.seccomp_profile.type == "RuntimeDefault", name
        assert pod.automount_service_account_token is False, name
        [container] = pod.containers
        assert container.security_context.allow_privilege_escalation is False, name
        assert container.security_context.read_only_root_filesystem, name
        assert container.security_context.capabilities.drop == ["ALL"], name
        assert container.resources.requests.keys() == {"cpu", "memory"}, name
        assert "memory" in container.resources.limits, name
        mounted = {mount.name for mount in container.volume_mounts}
        assert mounted == {volume.name for volume in pod.volumes}, name


def test_what_runs_is_a_command_of_ours() -> None:
    for name, (_pod, container) in ours().items():
        if container.command:
            program, script = container.command
            assert program == "python", name
            assert f"    backup.py {container.args[0]} " in (ROOT / script).read_text(), name
        else:
            assert is_command(container.args[0]), name
        if container.args[0] == "worker":
            assert container.args[1] in QUEUES, name
            assert name == f"worker-{container.args[1]}"


def test_variables_are_those_of_the_readme() -> None:
    [settings] = read("ConfigMap")
    assert settings.data.keys() <= readme_variables()
    for name, (_pod, container) in ours().items():
        helpers = {found for one in container.env for found in re.findall(r"\$\(([A-Z_]+)\)", one.value or "")}
        assert {one.name for one in container.env} - helpers <= readme_variables(), name
        for one in container.env:
            assert not re.search("SECRET|KEY|PASSWORD|TOKEN|DATABASE", one.name), f"{name}: a secret in the open"
    assert examples("environment") | examples("owner") | IMAGE_SETS <= readme_variables()
    assert examples("backup") == LIBPQ
    needed = {"LUOPAN_URL", "LUOPAN_SECRET_KEY", "LUOPAN_MASTER_KEY", "LUOPAN_INDEX_KEY", "LUOPAN_SEAL_KEY"}
    assert needed | {"DATABASE_URL", "CELERY_BROKER_URL", "LUOPAN_METRICS_TOKEN"} <= examples("environment")


def examples(name: str) -> set[str]:
    lines = (DEPLOY / f"{name}.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    for variable, value in given.items():
        if re.search("_KEY$|PASSWORD|TOKEN", variable):
            assert value == "", "no secret stands here"
    return set(given)


def test_only_the_migrations_know_the_owner_and_only_backups_the_server() -> None:
    secrets = {
        name: {source.secret_ref.name for source in container.env_from if source.secret_ref}
        for name, (_pod, container) in ours().items()
    }
    assert {name for name, found in secrets.items() if "luopan-owner" in found} == {"migrate"}
    assert {name for name, found in secrets.items() if "luopan-backup" in found} == {"backup", "backup-wal"}
    assert all(
        found == {"luopan"} for name, found in secrets.items() if name not in {"migrate", "backup", "backup-wal"}
    )


def test_probes_ask_for_paths_that_there_are() -> None:
    _pod, web = ours()["web"]
    for probe, path in (
        (web.startup_probe, "/livez"),
        (web.liveness_probe, "/livez"),
        (web.readiness_probe, "/readyz"),
    ):
        assert probe is not None
        assert probe.http_get is not None
        assert probe.http_get.path == path
        assert resolve(path).route == path[1:]
        assert probe.http_get.port in {port.name for port in web.ports}
    with pytest.raises(Resolver404):
        resolve("/healthz")
    assert [port.container_port for port in web.ports] == [8000]


def test_the_seals_are_where_they_are_made_and_nowhere_else() -> None:
    """The sealer is a task of the queue `default`; whoever checks the seals only reads them."""
    mounts = {
        name: mount.read_only
        for name, pod in pods().items()
        for mount in pod.containers[0].volume_mounts
        if mount.mount_path == "/var/lib/luopan-seals"
    }
    assert mounts == {"worker-default": False, "verify-audit": True}
    files = {
        name for name, pod in pods().items() for mount in pod.containers[0].volume_mounts
        if mount.mount_path == "/var/lib/luopan"
    }  # fmt: skip
    assert files == {"web", "worker-default"}
    claims = {one.metadata.name for one in read("PersistentVolumeClaim")}
    used = {volume.persistent_volume_claim.claim_name for pod in pods().values() for volume in pod.volumes
            if volume.persistent_volume_claim}  # fmt: skip
    assert used == claims


def test_services_and_policies_name_pods_that_there_are() -> None:
    labels = {*pods()}
    for service in read("Service"):
        assert service.spec.selector["app"] in labels
        ports = {port.name for port in pods()[service.spec.selector["app"]].containers[0].ports}
        assert {port.target_port for port in service.spec.ports} <= ports
    policies: list[NetworkPolicy] = read("NetworkPolicy")
    named = {app for policy in policies for app in apps_of(policy.spec)}
    assert named <= labels
    [nothing] = [policy for policy in policies if policy.metadata.name == "nothing"]
    assert apps_of(nothing.spec) == set()
    assert nothing.spec.policy_types == ["Ingress", "Egress"]
    assert (nothing.spec.ingress, nothing.spec.egress) == ([], [])


def test_only_webhooks_and_codes_go_out_and_never_to_private_addresses() -> None:
    open_to_all = [
        (policy.metadata.name, block)
        for policy in read("NetworkPolicy")
        for rule in policy.spec.egress
        for peer in rule.to
        if (block := peer.ip_block) and block.cidr.endswith(("/0", "/3"))
    ]
    assert {name for name, _ in open_to_all} == {"out"}
    [out] = [policy for policy in read("NetworkPolicy") if policy.metadata.name == "out"]
    assert apps_of(out.spec) == {"worker-delivery", "web"}
    private = {"10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"}
    assert all(private <= set(block.except_) for _, block in open_to_all if block.cidr == "0.0.0.0/0")


def apps_of(spec: Any) -> set[str]:
    selector = spec.pod_selector
    found = {*selector.match_labels.values()}
    return found | {value for one in selector.match_expressions for value in one.values}


def test_kubectl_builds_it() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed here")
    for folder in (DEPLOY, DEPLOY / "kubernetes/migrate"):
        done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "image: luopan:" in done.stdout


# --- compose ---------------------------------------------------------------------------------------------------------


def test_compose_runs_what_kubernetes_runs() -> None:
    services = {name: one for name, one in COMPOSE["services"].items() if one["image"].startswith("luopan:")}
    commands = {tuple(one["command"]) for one in services.values()}
    assert commands == {tuple(container.args) for _pod, container in ours().values()}
    for name, one in services.items():
        assert one["read_only"], name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert all(file.startswith("/etc/luopan/") for file in one["env_file"]), name
        assert "environment" not in one, name


def test_what_compose_mounts_is_there() -> None:
    for name, one in COMPOSE["services"].items():
        for volume in one.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).resolve().is_file(), f"{name}: {source}"
            else:
                assert source.startswith("/etc/luopan/") or source in COMPOSE["volumes"], f"{name}: {source}"
        assert {*one.get("depends_on", {})} <= {*COMPOSE["services"]}, name
        assert {*one["networks"]} <= {*COMPOSE["networks"]}, name
        if build := one.get("build"):
            assert (DEPLOY / build["context"] / build.get("dockerfile", "Dockerfile")).is_file(), name


def test_compose_keeps_the_seals_with_the_sealer() -> None:
    users = {
        name: [volume for volume in one.get("volumes", []) if volume.startswith("seals:")]
        for name, one in COMPOSE["services"].items()
    }
    assert {name: found for name, found in users.items() if found} == {
        "worker-default": ["seals:/var/lib/luopan-seals"], "verify-audit": ["seals:/var/lib/luopan-seals:ro"],
    }  # fmt: skip


# --- words -----------------------------------------------------------------------------------------------------------


def test_texts_name_commands_and_files_that_there_are() -> None:
    for path in sorted(DEPLOY.rglob("*.md")):
        check_text(path, path.read_text())


def check_text(path: Path, text: str) -> None:
    assert [name for name in commands_in(text) if not is_command(name)] == [], path.name
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        assert link.startswith("https://") or (path.parent / link).exists(), f"{path.name}: {link}"
    for file, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text):
        heads = re.findall(r"^#+ (.*)$", (path.parent / file if file else path).read_text(), re.MULTILINE)
        assert anchor in {head.lower().replace(" ", "-").replace(",", "") for head in heads}, f"{path.name}: #{anchor}"
    for name in re.findall(r"`(LUOPAN_[A-Z_]+|DATABASE_[A-Z_]+|BROKER_DSN|CELERY_BROKER_URL)`", text):
        assert name in readme_variables(), f"{path.name}: {name}"


def test_kinds_are_described_by_hand() -> None:
    assert {one["kind"] for one in resources()} == {*KINDS}
    assert {Deployment, CronJob, Job} <= {*KINDS.values()}
