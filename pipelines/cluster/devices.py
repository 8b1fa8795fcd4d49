"""Which devices the pods of a stage hold at once on a cluster, as its profile says."""

import math

from pipelines.cluster.profile import TRAINED, ClusterProfile
from pipelines.cost.devices import CORE, Devices, Held


def held(stage: str, cluster: ClusterProfile) -> Devices:
    """Return what all pods of a stage hold at once: accelerators, or cores where it has none.

    Servers of the cluster that answer for self_generate are there without a run, and not on its account.
    """
    placement, pods = cluster.stages[stage], _pods(stage, cluster)
    if placement.accelerator:
        return Devices(name=cluster.device, count=placement.accelerator.count * pods)
    return Devices(name=CORE, count=math.ceil(_cores(placement.cpu) * pods))


def held_on(cluster: ClusterProfile) -> Held:
    """Return what the pods of each stage hold at once, for the record of a run."""
    return Held(stages={stage: held(stage, cluster) for stage in cluster.stages})


def computed_on(cluster: ClusterProfile) -> dict[str, Devices]:
    """Return what each stage computes on, as far as that is on a run's account: without a stage that servers do."""
    stages = [name for name in cluster.stages if not (cluster.generator and name == "self_generate")]
    return {stage: held(stage, cluster) for stage in stages}


def counted(cluster: ClusterProfile) -> Devices:
    """Return one of the devices that a budget on this cluster is counted in."""
    return Devices(name=cluster.device, count=1)


def _pods(stage: str, cluster: ClusterProfile) -> int:
    nodes = cluster.training.nodes if cluster.training else 1
    return {"self_generate": cluster.shards, TRAINED: nodes}.get(stage, 1)


def _cores(cpu: str) -> float:
    """Return the cores of a quantity as Kubernetes writes it, such as `500m`."""
    return float(cpu.removesuffix("m")) / 1000 if cpu.endswith("m") else float(cpu)
