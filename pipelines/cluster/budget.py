"""Budgets of runs on a cluster: time-outs under which all tasks with all their retries cannot overspend."""

from components.core.contracts.errors import ConfigurationError
from pipelines.cluster.devices import held
from pipelines.cluster.profile import ClusterProfile
from pipelines.cost.budget import Budget

_SHORTEST_S = 60
"""A task that may not take as long does not get beyond its start."""


def capped(cluster: ClusterProfile, budget: Budget) -> ClusterProfile:
    """Return the cluster with time-outs of stages that are as much shorter as the budget is smaller than their sum.

    Raises:
        ConfigurationError: a task would be left with less than it takes to start.
    """
    most = ceiling(cluster)
    if budget.left_by(most):
        return cluster
    share = budget.hours / most
    shorter = {
        name: placement.model_copy(update={"timeout_s": int(placement.timeout_s * share)})
        for name, placement in cluster.stages.items()
        if _counted(name, cluster)
    }
    if short := next((name for name, placement in shorter.items() if placement.timeout_s < _SHORTEST_S), None):
        raise ConfigurationError(
            f"budget {budget}: leaves {short} {shorter[short].timeout_s} s; the time-outs and retries of "
            f"{cluster.name} allow {budget.told(most)}: shorten them, or give more"
        )
    return cluster.model_copy(update={"stages": {**cluster.stages, **shorter}})


def ceiling(cluster: ClusterProfile) -> float:
    """Return the device hours of a run whose tasks all fail at the last moment, as often as they are tried."""
    seconds = (
        _counted(stage, cluster) * (1 + placement.retry.count) * placement.timeout_s
        for stage, placement in cluster.stages.items()
    )
    return sum(seconds) / 3600


def _counted(stage: str, cluster: ClusterProfile) -> int:
    """Return how many devices a stage holds of those that the cluster is priced by."""
    devices = held(stage, cluster)
    return devices.count if devices.name == cluster.device else 0
