"""Whether a cluster has room for each stage: in the quota of its namespace, and on a node that the stage may go to."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial

from kubernetes.utils import parse_quantity

from pipelines.cluster.profile import ClusterProfile, Placement, Toleration
from pipelines.cluster_checks.asking import Json
from pipelines.cluster_checks.checks import Check, Verdict, doubtful, lacking, well
from pipelines.cluster_checks.names import claim_of
from pipelines.cluster_checks.questions import Thing
from pipelines.cluster_checks.services import training_nodes

NODES = Thing(resource="nodes")
_FANNED_OUT, _TRAINED = "self_generate", "train_model"
_REFUSING = {"NoSchedule", "NoExecute"}


def room_checks(cluster: ClusterProfile) -> Iterator[Check]:
    """Return the checks of quota, nodes and volumes that several nodes share."""
    quotas = Thing(resource="resourcequotas", namespace=cluster.namespace)
    yield Check("quota", [quotas], partial(quota, cluster))
    for stage, placement in cluster.stages.items():
        yield Check(f"node for {stage}", [NODES], partial(node, placement, at_once_of(cluster, stage)))
    claims = [claim_of(cluster, volume.claim) for volume in (cluster.home, cluster.models)]
    yield Check("shared volumes", [NODES, *claims], partial(shared, cluster))


def at_once_of(cluster: ClusterProfile, stage: str) -> int:
    """Return how many pods of a stage there have to be at once; shards may wait for each other."""
    return training_nodes(cluster) if stage == _TRAINED else 1


def tasks_of(cluster: ClusterProfile, stage: str) -> int:
    """Return how many pods of a stage there are beside each other, if there is room."""
    return cluster.shards if stage == _FANNED_OUT else at_once_of(cluster, stage)


def needs_of(placement: Placement) -> dict[str, Decimal]:
    """Return what one task takes, as request and as limit."""
    needs = {"cpu": parse_quantity(placement.cpu), "memory": parse_quantity(placement.memory)}
    if placement.accelerator:
        needs[placement.accelerator.type] = Decimal(placement.accelerator.count)
    return needs


def quota(cluster: ClusterProfile, seen: Json | None) -> Verdict:
    """Judge whether a task of each stage fits, and all shards beside what runs already."""
    scoped = ("scopes", "scopeSelector")  # such a quota is for other pods than ours: of a priority, or without limits
    quotas = [each for each in (seen or {}).get("items") or () if not any(each["spec"].get(key) for key in scoped)]
    if not quotas:
        return well(f"{cluster.namespace} has none that holds for runs")
    places = {**cluster.stages, "the task that ends a run": cluster.small}
    never, now = (
        [fault for stage, place in places.items() for fault in faults(stage, place, tasks(cluster, stage), quotas)]
        for faults, tasks in ((_never, at_once_of), (_not_now, tasks_of))
    )
    if never:
        return lacking("; ".join(never), "give the quota more, or the stage less in the profile")
    if now:
        return doubtful("; ".join(now), "tasks wait until something ends: give the quota more, or name fewer shards")
    return well(f"room for every stage, {cluster.shards} x {_FANNED_OUT}, {training_nodes(cluster)} x {_TRAINED}")


def _never(stage: str, placement: Placement, tasks: int, quotas: Sequence[Json]) -> Iterator[str]:
    for name, key, need, hard, _ in _held_to(placement, quotas):
        if tasks * need > hard:
            yield f"{stage} wants {_times(tasks)}{amount(key, need)}, quota {name} allows {amount(key, hard)} ({key})"


def _not_now(stage: str, placement: Placement, tasks: int, quotas: Sequence[Json]) -> Iterator[str]:
    for name, key, need, hard, used in _held_to(placement, quotas):
        if tasks * need > hard - used:
            left = amount(key, hard - used)
            yield f"{stage} wants {_times(tasks)}{amount(key, need)}, quota {name} has {left} left ({key})"


def _times(tasks: int) -> str:
    return f"{tasks} x " if tasks > 1 else ""


def _held_to(placement: Placement, quotas: Sequence[Json]) -> Iterator[tuple[str, str, Decimal, Decimal, Decimal]]:
    """Yield each line of a quota that a task counts for: its quota, its key, the need, what is allowed and used."""
    needs = needs_of(placement)
    for each in quotas:
        status = each.get("status") or {}
        for key, hard in (status.get("hard") or each["spec"].get("hard") or {}).items():
            if (need := needs.get(key.removeprefix("requests.").removeprefix("limits."))) is not None:
                used = parse_quantity((status.get("used") or {}).get(key, "0"))
                yield each["metadata"]["name"], key, need, parse_quantity(hard), used


def node(placement: Placement, at_once: int, seen: Json | None) -> Verdict:
    """Judge whether nodes would take a task, or so many at once, and say what the nearest ones lack."""
    left = [each for each in (seen or {}).get("items") or () if _is_up(each)]
    if not left:
        return _nowhere("no node is ready")
    selector = placement.node_selector
    left = [each for each in left if selector.items() <= (each["metadata"].get("labels") or {}).items()]
    if not left:
        return _nowhere(f"no node has {', '.join(f'{label}={value}' for label, value in selector.items())}")
    tainted, left = left, [each for each in left if not _refusing_taints(placement, each)]
    if not left:
        return _nowhere(f"no toleration of {', '.join(sorted(_refusing_taints(placement, tainted[0])))}")
    for what, need in needs_of(placement).items():
        most = max(_has(each, what) for each in left)
        left = [each for each in left if _has(each, what) >= need]
        if not left:
            return _nowhere(f"wants {amount(what, need)} of {what}, the largest node has {amount(what, most)}")
    if (places := sum(_places(placement, each) for each in left)) < at_once:
        return _nowhere(f"trains on {at_once} nodes at once, and there is room for {places}")
    return well(f"{len(left)} would take it")


def may_run_on(cluster: ClusterProfile, nodes: Json | None) -> int:
    """Return on how many nodes pods of a run may be."""
    return sum(
        any(
            place.node_selector.items() <= (each["metadata"].get("labels") or {}).items()
            and not _refusing_taints(place, each)
            for place in (*cluster.stages.values(), cluster.small)
        )
        for each in (nodes or {}).get("items") or ()
        if _is_up(each)
    )


def shared(cluster: ClusterProfile, nodes: Json | None, *claims: Json | None) -> Verdict:
    """Judge whether the pods of a run find their volumes on whatever node they are."""
    there = [claim for claim in claims if claim]  # one that is not has a finding of its own
    single = [claim["metadata"]["name"] for claim in there if "ReadWriteMany" not in claim["spec"]["accessModes"]]
    if not single:
        return well("every node may write to them")
    if (count := may_run_on(cluster, nodes)) > 1:
        return lacking(
            f"{', '.join(single)}: not ReadWriteMany, and pods may be on {count} nodes",
            "give the claims a storage class that many nodes can write to, or the stages one node by its label",
        )
    return well("one node has them, and every pod is there")


def amount(what: str, value: Decimal) -> str:
    """Return a quantity as people write it."""
    if "memory" in what:
        return f"{value / 2**30:.1f}".removesuffix(".0") + "Gi"
    return f"{value.normalize():f}"


def _nowhere(why: str) -> Verdict:
    return lacking(
        why, "add such a node or change the stage in the profile; nodes that an autoscaler adds are not seen"
    )


def _is_up(node: Json) -> bool:
    ready = {each["type"]: each["status"] for each in node["status"].get("conditions") or ()}.get("Ready") == "True"
    return ready and not node["spec"].get("unschedulable")


def _refusing_taints(placement: Placement, node: Json) -> set[str]:
    taints = [taint for taint in node["spec"].get("taints") or () if taint["effect"] in _REFUSING]
    return {
        f"{taint['key']}:{taint['effect']}"
        for taint in taints
        if not any(_tolerates(toleration, taint) for toleration in placement.tolerations)
    }


def _tolerates(toleration: Toleration, taint: Json) -> bool:
    value = toleration.operator == "Exists" or toleration.value == taint.get("value", "")
    return toleration.key == taint["key"] and value and toleration.effect in {None, taint["effect"]}


def _places(placement: Placement, node: Json) -> int:
    return int(min(_has(node, what) // need for what, need in needs_of(placement).items()))


def _has(node: Json, what: str) -> Decimal:
    return Decimal(parse_quantity((node["status"].get("allocatable") or {}).get(what, "0")))
