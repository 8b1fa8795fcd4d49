"""Budgets of runs on a cluster: time-outs under which all tasks with all their retries cannot overspend."""

from components.core.contracts.errors import ConfigurationError
from pipelines.cluster.profile import TRAINED, ClusterProfile, Placement
from pipelines.cost.budget import Budget
from pipelines.cost.devices import CORE, Devices

_SHORTEST_S = 60
"""A task that may not take as long does not get beyond its start."""


def capped(cluster: ClusterProfile, budget: Budget) -> ClusterProfile:
    """Return the cluster with time-outs of stages that are as much shorter as the budget is smaller than their sum.

    Raises:
        ConfigurationError: a task would be left with less than it takes to start.
    """
    most = ceiling(cluster, budget.devices)
    if budget.left_by(most):
        return cluster
    share = budget.hours / most
    stages = {name: _shortened(placement, share, budget.devices) for name, placement in cluster.stages.items()}
    if short := next((name for name, placement in stages.items() if placement.timeout_s < _SHORTEST_S), None):
        raise ConfigurationError(
            f"budget {budget}: leaves {short} {stages[short].timeout_s} s; the time-outs and retries of {cluster.name} "
            f"allow {budget.told(most)}: shorten them, or give more"
        )
    return cluster.model_copy(update={"stages": stages})


def ceiling(cluster: ClusterProfile, devices: Devices) -> float:
    """Return the device hours of a run whose tasks all fail at the last moment, as often as they are tried.

    Servers of the cluster that answer for self_generate are there without a run, and not on its account.
    """
    seconds = (
        _held(placement, devices) * _pods(stage, cluster) * (1 + placement.retry.count) * placement.timeout_s
        for stage, placement in cluster.stages.items()
    )
    return sum(seconds) / 3600


def _pods(stage: str, cluster: ClusterProfile) -> int:
    """Return how many pods a stage has at once."""
    nodes = cluster.training.nodes if cluster.training else 1
    return {"self_generate": cluster.shards, TRAINED: nodes}.get(stage, 1)


def _held(placement: Placement, devices: Devices) -> float:
    """Return how many devices a pod holds, of the kind that the cluster is priced by."""
    if devices.name == CORE:
        return _cores(placement.cpu)
    return placement.accelerator.count if placement.accelerator else 0


def _cores(cpu: str) -> float:
    """Return the cores of a quantity as Kubernetes writes it, such as `500m`."""
    return float(cpu.removesuffix("m")) / 1000 if cpu.endswith("m") else float(cpu)


def _shortened(placement: Placement, share: float, devices: Devices) -> Placement:
    if not _held(placement, devices):
        return placement
    return placement.model_copy(update={"timeout_s": int(placement.timeout_s * share)})
