"""What ECS keeps, per account and region. Plain data: the rules are in the modules beside it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from runbook_sandbox.aws.clock import Appointment
from runbook_sandbox.aws.ecs.arns import arn
from runbook_sandbox.aws.paging import SortedKeys

#: lastStatus values of a task that is on its way to RUNNING, in order.
STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")


@dataclass(slots=True, eq=False)
class TaskDefinition:
    """One revision; `body` holds the members of the API's TaskDefinition."""

    arn: str
    family: str
    revision: int
    body: dict[str, Any]
    tags: dict[str, str]
    status: str = "ACTIVE"

    @property
    def containers(self) -> list[dict[str, Any]]:
        return self.body["containerDefinitions"]

    @property
    def is_awsvpc(self) -> bool:
        return self.body.get("networkMode") == "awsvpc"


@dataclass(slots=True, eq=False)
class ContainerInstance:
    arn: str
    ec2_instance_id: str
    registered_at: datetime
    resources: list[dict[str, Any]]
    version_info: dict[str, Any]
    tags: dict[str, str]
    status: str = "ACTIVE"
    agent_connected: bool = True
    attributes: dict[str, str | None] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[1]


@dataclass(slots=True, eq=False)
class Cluster:
    name: str
    arn: str
    account_id: str
    region: str
    status: str = "ACTIVE"
    settings: list[dict[str, str]] = field(default_factory=list)
    configuration: dict[str, Any] | None = None
    serviceConnectDefaults: dict[str, Any] | None = None
    capacityProviders: list[str] = field(default_factory=list)
    defaultCapacityProviderStrategy: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    active_services: SortedKeys = field(default_factory=SortedKeys)
    instances: dict[str, ContainerInstance] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    task_ids: SortedKeys = field(default_factory=SortedKeys)
    #: (state, on Fargate) -> number of tasks, kept as tasks change.
    counts: dict[tuple[str, bool], int] = field(default_factory=dict)

    def count(self, state: str, fargate: bool | None = None) -> int:
        """Tasks of the cluster that are `running` or `pending`."""
        kinds = (True, False) if fargate is None else (fargate,)
        return sum(self.counts.get((state, kind), 0) for kind in kinds)


@dataclass(slots=True, eq=False)
class Revision:
    """What a deployment runs: the API's ServiceRevision."""

    arn: str
    task_definition: TaskDefinition | None
    settings: dict[str, Any]
    created_at: datetime

    @property
    def fargate(self) -> bool:
        return is_fargate(self.settings)


@dataclass(slots=True, eq=False)
class Rollout:
    """The API's ServiceDeployment: the record of one change from revisions to a revision."""

    arn: str
    source: list[Revision]
    target: Revision
    configuration: dict[str, Any]
    created_at: datetime
    status: str = "PENDING"
    reason: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stopped_at: datetime | None = None
    updated_at: datetime | None = None
    stage: str | None = None
    rollback: dict[str, Any] | None = None
    failures: int = 0
    threshold: int = 0


@dataclass(slots=True, eq=False)
class Deployment:
    """A set of a service's tasks of one revision; a task set when the controller is not ECS."""

    id: str
    service: Service
    revision: Revision
    rollout: Rollout | None
    created_at: datetime
    updated_at: datetime
    status: str = "PRIMARY"
    rollout_state: str = "IN_PROGRESS"
    rollout_reason: str = ""
    failed_tasks: int = 0
    #: Failures since the last success, for the scheduler's growing delay.
    failures_in_a_row: int = 0
    proven: bool = False
    retry_at: datetime | None = None
    bake_until: datetime | None = None
    running: int = 0
    pending: int = 0
    #: Tasks that are not STOPPED yet, by id, in order of their start.
    tasks: dict[str, Task] = field(default_factory=dict)
    #: Only of task sets: percent of the service's desired count, external id, tags.
    scale: float = 100.0
    external_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def live(self) -> list[Task]:
        """Tasks meant to run."""
        return [task for task in self.tasks.values() if task.desired_status == "RUNNING"]


@dataclass(slots=True, eq=False)
class Task:
    id: str
    arn: str
    cluster: Cluster
    task_definition: TaskDefinition
    settings: dict[str, Any]
    created_at: datetime
    group: str
    started_by: str = ""
    deployment: Deployment | None = None
    last_status: str = "PROVISIONING"
    desired_status: str = "RUNNING"
    version: int = 1
    zone: str = ""
    connected_at: datetime | None = None
    pull_started_at: datetime | None = None
    pull_stopped_at: datetime | None = None
    started_at: datetime | None = None
    stopping_at: datetime | None = None
    stopped_at: datetime | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None
    exit_code: int | None = None
    overrides: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    execute_command: bool = False
    protected_until: datetime | None = None
    #: Of the strategy's providers the one that runs it.
    capacity_provider: str | None = None
    #: Why the task will not reach RUNNING, when a fault says so.
    doom: str | None = None

    @property
    def fargate(self) -> bool:
        return is_fargate(self.settings)

    @property
    def launch_type(self) -> str:
        """Also where a capacity provider was asked for."""
        return "FARGATE" if self.fargate else self.settings.get("launchType") or "EC2"


@dataclass(slots=True, eq=False)
class TaskFault:
    """On demand: tasks of a service do not start."""

    reason: str
    task_definition: str | None = None
    #: How many more tasks it hits; None for all.
    remaining: int | None = None


@dataclass(slots=True, eq=False)
class Service:
    name: str
    arn: str
    cluster: Cluster
    created_at: datetime
    created_by: str | None
    desired: int
    scheduling: str
    controller: str
    configuration: dict[str, Any]
    revision: Revision
    #: Members of the API's Service that the sandbox only keeps.
    options: dict[str, Any]
    tags: dict[str, str]
    status: str = "ACTIVE"
    #: resourceManagementType
    managed_by: str = "CUSTOMER"
    request: dict[str, Any] = field(default_factory=dict)
    deployments: list[Deployment] = field(default_factory=list)
    last_completed: Deployment | None = None
    rollouts: deque[Rollout] = field(default_factory=lambda: deque(maxlen=100))
    revisions: dict[str, Revision] = field(default_factory=dict)
    events: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=100))
    faults: list[TaskFault] = field(default_factory=list)
    round: Appointment | None = None
    round_due: datetime | None = None
    stabilizing: Appointment | None = None
    steady: bool = False
    scale_in_held: bool = False

    @property
    def primary(self) -> Deployment | None:
        return next((item for item in self.deployments if item.status == "PRIMARY"), None)

    @property
    def fargate(self) -> bool:
        return self.revision.fargate

    @property
    def running(self) -> int:
        return sum(item.running for item in self.deployments)

    @property
    def pending(self) -> int:
        return sum(item.pending for item in self.deployments)

    @property
    def is_task_set_based(self) -> bool:
        return self.controller != "ECS"


class Region:
    """Amazon ECS of one account in one region."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id = account_id
        self.region = region
        self.clusters: dict[str, Cluster] = {}
        self.families: dict[str, dict[int, TaskDefinition]] = {}
        self.capacity_providers: dict[str, Any] = {}
        #: (principal, or "" for the account's default; name) -> value.
        self.account_settings: dict[tuple[str, str], str] = {}
        #: clientToken of RunTask -> (request, task ids, when).
        self.run_tokens: dict[str, tuple[dict[str, Any], list[Task], datetime]] = {}

    def arn(self, resource: str) -> str:
        return arn(self.account_id, self.region, resource)


def is_fargate(settings: dict[str, Any]) -> bool:
    """Whether a revision's or task's settings place it on Fargate."""
    if settings.get("launchType") == "FARGATE":
        return True
    return any(item["capacityProvider"].startswith("FARGATE") for item in settings.get("capacityProviderStrategy") or [])


_regions: dict[tuple[str, str], Region] = {}


def region_of(account_id: str, region: str) -> Region:
    """The ECS of an account's region, made when first asked for."""
    key = (account_id, region)
    if key not in _regions:
        _regions[key] = Region(account_id, region)
    return _regions[key]


def reset() -> None:
    """Forget everything."""
    _regions.clear()
