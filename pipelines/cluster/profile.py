"""What a cluster has and what each stage gets of it, as people write it: a YAML file, read strictly."""

import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.stages import STAGES
from pipelines.cost.devices import CORE
from pipelines.sample_data import ROOT

TRAINED = "train_model"
MOST_SHARDS = 256
_SHIPPED = ROOT / "infra" / "clusters"

_Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
_Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
_Key = Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]{1,253}$")]
_Folder = Annotated[str, Field(pattern=r"^/[^\s:]*$")]
_Seconds = Annotated[int, Field(ge=1, le=30 * 24 * 3600)]


class Accelerator(Record):
    """What a stage computes on beside the processor."""

    type: str = Field(pattern=r"^[a-z0-9.-]+/[A-Za-z0-9._-]+$")
    count: int = Field(ge=1)


class Toleration(Record):
    """A taint of nodes that a stage puts up with."""

    key: str = Field(min_length=1)
    operator: Literal["Exists", "Equal"] = "Exists"
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None

    @model_validator(mode="after")
    def _value_goes_with_equal(self) -> Self:
        if (self.operator == "Equal") != (self.value is not None):
            raise ValueError("operator Equal wants a value, and Exists none")
        return self


class Retry(Record):
    """How often a failed task is tried again, and after which growing waits."""

    count: int = Field(ge=0, le=20)
    backoff_s: _Seconds = 30
    factor: float = Field(2.0, ge=1)
    max_s: _Seconds = 3600


class Placement(Record):
    """What one task gets, as request and as limit, where it runs, and how long it may."""

    cpu: str = Field(pattern=r"^([1-9][0-9]*m?|[0-9]+\.[0-9]+)$")
    memory: str = Field(pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)$")
    accelerator: Accelerator | None = None
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    retry: Retry = Retry(count=2)
    timeout_s: _Seconds


class Training(Record):
    """A training on several nodes: each has what `stages.train_model` says, and a process for each accelerator."""

    nodes: int = Field(ge=2, le=256)
    runtime: _Name = "desta-deepspeed"
    restarts: int = Field(5, ge=0, le=100)
    pending_s: _Seconds = 1800


class Volume(Record):
    """A claim of the cluster's storage, and where pods see it."""

    claim: _Name
    path: _Folder


class ConfigMap(Record):
    """A map of the cluster whose keys become variables of the same names."""

    name: _Name
    keys: tuple[_Variable, ...] = Field(min_length=1)


class SecretReference(Record):
    """Where a secret stands in the cluster, which variable it becomes, and in which stages; never its value."""

    secret: _Name
    key: _Key
    env: _Variable
    stages: tuple[Literal[tuple(stage.name for stage in STAGES)], ...] | None = None  # type: ignore[valid-type]

    def is_for(self, stage: str | None) -> bool:
        """Say whether a stage gets it; one without `stages` goes to all, and to the task that ends the run."""
        return self.stages is None or stage in self.stages


class Generator(Record):
    """Servers of the cluster that answer for `self_generate`: pods of a StatefulSet, each with a name of its own."""

    pods: _Name
    service: _Name
    port: int = Field(ge=1, le=65535)
    replicas: int = Field(ge=1, le=64)

    @property
    def server(self) -> str:
        """Their addresses, as `self_generate.server` takes them."""
        return ",".join(f"http://{self.pods}-{n}.{self.service}:{self.port}" for n in range(self.replicas))


class ClusterProfile(Record):
    """A cluster; the keys of a file are these fields. `small` is for tasks that only put together or report.

    With `training` Kubeflow Trainer makes the nodes, and the pod of the stage, which only watches them, is small.
    `corpora` is where pods find corpora, each in a folder of its own name. `kubeflow_cache` also lets Kubeflow reuse
    results, under the same content: it knows nothing of erasures, so the home's own store does that by default.
    Without a `generator` each shard answers itself, over as many GPUs as its stage has. `device` is what accelerators
    are, by the name that nvidia-smi gives them and a rate card prices.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    namespace: _Name
    service_account: _Name
    experiment: str = Field("desta", min_length=1)
    device: str = Field(CORE, min_length=1)
    run_as_user: int = Field(1000, ge=1)
    corpora: _Folder
    home: Volume
    models: Volume
    pipeline_root: str | None = Field(None, pattern=r"^(s3|gs|minio)://[^\s@?]+$")
    config_map: ConfigMap
    secrets: tuple[SecretReference, ...] = ()
    generator: Generator | None = None
    shards: int = Field(1, ge=1, le=MOST_SHARDS)
    kubeflow_cache: bool = False
    small: Placement
    stages: dict[str, Placement]
    training: Training | None = None

    @model_validator(mode="after")
    def _places_every_stage(self) -> Self:
        wanted = {stage.name for stage in STAGES}
        if differing := sorted(self.stages.keys() ^ wanted):
            what = "is missing" if differing[0] in wanted else "is no stage"
            raise ValueError(f"stages: {differing[0]} {what}; want {', '.join(stage.name for stage in STAGES)}")
        if self.generator and self.stages["self_generate"].accelerator:
            raise ValueError("stages.self_generate.accelerator: the servers of generator answer; leave one of them out")
        if self.device == CORE and (stage := next((n for n, p in self.stages.items() if p.accelerator), None)):
            raise ValueError(f"device: say what the accelerator of stages.{stage} is, as nvidia-smi names it")
        variables = [*self.config_map.keys, *(secret.env for secret in self.secrets)]
        if twice := next((name for name in variables if variables.count(name) > 1), None):
            raise ValueError(f"{twice} is set twice; let one place set it")
        return self

    def pod(self, stage: str) -> Placement:
        """Return what the pod of a stage gets."""
        place = self.stages[stage]
        if self.training is None or stage != TRAINED:
            return place
        return self.small.model_copy(update={"retry": place.retry, "timeout_s": place.timeout_s})

    def with_shards(self, shards: int | None) -> Self:
        """Return the cluster with another number of shards, where one is given.

        Raises:
            ConfigurationError: it is no number of shards.
        """
        if shards is None:
            return self
        if not 1 <= shards <= MOST_SHARDS:
            raise ConfigurationError(f"--shards: want 1 to {MOST_SHARDS}, got {shards}")
        return self.model_copy(update={"shards": shards})

    def sees(self, path: str) -> bool:
        """Say whether pods find this path on one of their volumes."""
        return any(PurePosixPath(path).is_relative_to(volume.path) for volume in (self.home, self.models))


def read_profile(file: Path) -> ClusterProfile:
    """Read a cluster's file.

    Raises:
        ConfigurationError: it cannot be read, or a key is unknown, missing or has a value that cannot be; names both.
    """
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (a safe loader)
        return ClusterProfile.model_validate_json(json.dumps(content))
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {_fault(error)}") from error
    except (OSError, ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{file}: cannot be read: {' '.join(str(error).split())}") from error


def cluster_at(place: str) -> ClusterProfile:
    """Read the cluster of a name in infra/clusters, or of a file.

    Raises:
        ConfigurationError: there is none, or it is no profile of a cluster.
    """
    shipped = {file.stem: file for file in sorted(_SHIPPED.glob("*.yaml"))}
    file = shipped.get(place, Path(place))
    if not file.is_file():
        raise ConfigurationError(
            f"--cluster {place}: no such cluster; name the file of its profile, or one of {', '.join(shipped)}"
        )
    return read_profile(file)


def _fault(error: ValidationError) -> str:
    """Name the key and what is wrong; under `secrets` no value is repeated, since it may be a secret."""
    first = error.errors(include_url=False)[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        hint = "; want a reference: secret, key and env" if key.startswith("secrets.") else ""
        return f"{key}: no such key{hint}"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in {"missing", "value_error"} or key.startswith("secrets"):
        return f"{key}: {message}" if key else message
    return f"{key}: {message}, got {str(first['input'])[:80]!r}"


class _Loader(yaml.SafeLoader):
    """Refuses a key that is written twice, of which YAML would keep the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping as YAML does, each key once."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise ValueError(f"{twice} is written twice; keep one")
        return super().construct_mapping(node, deep)
