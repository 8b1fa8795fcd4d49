"""A training on several nodes of a cluster: what `train_model` is told of them, from the cluster's file."""

from dataclasses import replace
from typing import Any

from components.core.contracts.errors import ConfigurationError
from components.core.settings import checked
from components.train_model.settings import TrainModelSettings
from pipelines.cluster.profile import TRAINED, ClusterProfile, Placement, Training
from pipelines.profiles import Profile

_OF_THE_CLUSTER = ("nodes", "rendezvous", "trainer")


def trained_on(profile: Profile, cluster: ClusterProfile) -> Profile:
    """Return the profile of a run with what the cluster's file says of its training; with one node as it was.

    Raises:
        ConfigurationError: the run says by itself what only the cluster's file can say, or the batch is not one that so
            many processes can share.
    """
    default = TrainModelSettings()
    names = (*_OF_THE_CLUSTER, "launcher") if cluster.training else _OF_THE_CLUSTER
    if said := next((n for n in names if getattr(profile.train_model, n) != getattr(default, n)), None):
        raise ConfigurationError(
            f"train_model.{said}: pods cannot start other pods by it; say `training:` in the file of cluster "
            f"{cluster.name} for several nodes, and leave it here"
        )
    if cluster.training is None:
        return profile
    settings = profile.train_model.with_changes(_settings(cluster.training, cluster.stages[TRAINED]))
    return replace(profile, train_model=checked(TRAINED, TrainModelSettings, settings))


def _settings(training: Training, node: Placement) -> dict[str, Any]:
    accelerators = {node.accelerator.type: str(node.accelerator.count)} if node.accelerator else {}
    trainer = {
        "runtime": training.runtime,
        "resources": {"cpu": node.cpu, "memory": node.memory, **accelerators},
        "node_selector": node.node_selector,
        "tolerations": [toleration.model_dump(exclude_none=True) for toleration in node.tolerations],
        "restarts": training.restarts,
        "pending_s": training.pending_s,
    }
    processes = node.accelerator.count if node.accelerator else 1
    return {"launcher": "trainer", "nodes": training.nodes, "processes": processes, "trainer": trainer}
