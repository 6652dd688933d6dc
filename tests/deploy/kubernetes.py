"""The fields of Kubernetes' resources that our manifests use, by hand: whatever is not here is refused.

From the API reference of Kubernetes 1.34: apps/v1, batch/v1, core/v1, networking.k8s.io/v1, policy/v1.
"""

from typing import Any, ClassVar, Literal

import msgspec

Port = int | str
Quantity = str


class Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An object without any field but these."""


class Metadata(Strict):
    name: str
    labels: dict[str, str] = {}


class PodMetadata(Strict):
    labels: dict[str, str]


class Expression(Strict):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str] = []


class Selector(Strict):
    match_labels: dict[str, str] = {}
    match_expressions: list[Expression] = []


class Named(Strict):
    name: str


class Key(Strict):
    field_path: str


class ValueFrom(Strict):
    field_ref: Key


class Env(Strict):
    name: str
    value: str | None = None
    value_from: ValueFrom | None = None


class EnvFrom(Strict):
    config_map_ref: Named | None = None
    secret_ref: Named | None = None


class ContainerPort(Strict):
    name: str
    container_port: int


class HttpGet(Strict):
    path: str
    port: Port


class TcpSocket(Strict):
    port: Port


class Exec(Strict):
    command: list[str]


class Probe(Strict):
    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    period_seconds: int = 10
    timeout_seconds: int = 1
    failure_threshold: int = 3


class Handler(Strict):
    exec: Exec


class Lifecycle(Strict):
    pre_stop: Handler


class Resources(Strict):
    requests: dict[str, Quantity]
    limits: dict[str, Quantity] = {}


class Capabilities(Strict):
    drop: list[str]


class ContainerSecurity(Strict):
    allow_privilege_escalation: bool
    read_only_root_filesystem: bool
    capabilities: Capabilities


class Mount(Strict):
    name: str
    mount_path: str
    sub_path: str = ""
    read_only: bool = False


class Container(Strict):
    name: str
    image: str
    resources: Resources
    security_context: ContainerSecurity
    command: list[str] = []
    args: list[str] = []
    env: list[Env] = []
    env_from: list[EnvFrom] = []
    ports: list[ContainerPort] = []
    startup_probe: Probe | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    volume_mounts: list[Mount] = []


class Claim(Strict):
    claim_name: str
    read_only: bool = False


class SecretVolume(Strict):
    secret_name: str


class EmptyDir(Strict):
    size_limit: Quantity


class Volume(Strict):
    name: str
    persistent_volume_claim: Claim | None = None
    secret: SecretVolume | None = None
    config_map: Named | None = None
    empty_dir: EmptyDir | None = None


class Seccomp(Strict):
    type: str


class PodSecurity(Strict):
    run_as_non_root: bool
    run_as_user: int
    run_as_group: int
    fs_group: int
    fs_group_change_policy: Literal["OnRootMismatch", "Always"]
    seccomp_profile: Seccomp


class Spread(Strict):
    max_skew: int
    topology_key: str
    when_unsatisfiable: Literal["ScheduleAnyway", "DoNotSchedule"]
    label_selector: Selector


class PodSpec(Strict):
    containers: list[Container]
    security_context: PodSecurity
    automount_service_account_token: bool
    enable_service_links: bool
    volumes: list[Volume] = []
    restart_policy: Literal["Always", "Never", "OnFailure"] = "Always"
    termination_grace_period_seconds: int = 30
    topology_spread_constraints: list[Spread] = []


class Template(Strict):
    metadata: PodMetadata
    spec: PodSpec


class Rolling(Strict):
    max_unavailable: int
    max_surge: int


class Strategy(Strict):
    type: Literal["RollingUpdate", "Recreate"]
    rolling_update: Rolling | None = None


class DeploymentSpec(Strict):
    replicas: int
    revision_history_limit: int
    selector: Selector
    strategy: Strategy
    template: Template


class JobSpec(Strict):
    backoff_limit: int
    active_deadline_seconds: int
    template: Template


class JobTemplate(Strict):
    spec: JobSpec


class CronJobSpec(Strict):
    schedule: str
    time_zone: str
    concurrency_policy: Literal["Allow", "Forbid", "Replace"]
    starting_deadline_seconds: int
    successful_jobs_history_limit: int
    failed_jobs_history_limit: int
    job_template: JobTemplate


class ServicePort(Strict):
    name: str
    port: int
    target_port: Port


class ServiceSpec(Strict):
    selector: dict[str, str]
    ports: list[ServicePort]
    type: Literal["ClusterIP", "LoadBalancer"] = "ClusterIP"
    cluster_ip: Literal["None", ""] = msgspec.field(default="", name="clusterIP")
    publish_not_ready_addresses: bool = False
    external_traffic_policy: Literal["Local", "Cluster", ""] = ""


class ClaimResources(Strict):
    requests: dict[str, Quantity]


class ClaimSpec(Strict):
    access_modes: list[Literal["ReadWriteOnce", "ReadWriteMany"]]
    resources: ClaimResources


class BudgetSpec(Strict):
    max_unavailable: int
    selector: Selector


class Block(Strict):
    cidr: str
    except_: list[str] = msgspec.field(default_factory=list, name="except")


class Peer(Strict):
    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None
    ip_block: Block | None = None


class PolicyPort(Strict):
    protocol: Literal["TCP", "UDP"]
    port: int


class Ingress(Strict):
    ports: list[PolicyPort]
    from_: list[Peer] = msgspec.field(default_factory=list, name="from")


class Egress(Strict):
    to: list[Peer]
    ports: list[PolicyPort]


class PolicySpec(Strict):
    pod_selector: Selector
    policy_types: list[Literal["Ingress", "Egress"]]
    ingress: list[Ingress] = []
    egress: list[Egress] = []


class Resource(Strict):
    API: ClassVar[str] = "v1"
    api_version: str
    kind: str
    metadata: Metadata


class Namespace(Resource):
    pass


class ConfigMap(Resource):
    data: dict[str, str]


class Service(Resource):
    spec: ServiceSpec


class PersistentVolumeClaim(Resource):
    spec: ClaimSpec


class Deployment(Resource):
    API: ClassVar[str] = "apps/v1"
    spec: DeploymentSpec


class Job(Resource):
    API: ClassVar[str] = "batch/v1"
    spec: JobSpec


class CronJob(Resource):
    API: ClassVar[str] = "batch/v1"
    spec: CronJobSpec


class PodDisruptionBudget(Resource):
    API: ClassVar[str] = "policy/v1"
    spec: BudgetSpec


class NetworkPolicy(Resource):
    API: ClassVar[str] = "networking.k8s.io/v1"
    spec: PolicySpec


KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        Namespace, ConfigMap, Service, PersistentVolumeClaim, Deployment, Job, CronJob, PodDisruptionBudget,
        NetworkPolicy,
    )
}  # fmt: skip
