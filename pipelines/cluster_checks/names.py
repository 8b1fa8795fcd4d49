"""Whether a cluster has what its profile names: namespace, account, volumes, settings, secrets."""

from collections.abc import Iterator
from functools import partial

from pipelines.cluster.profile import ClusterProfile, ConfigMap, SecretReference
from pipelines.cluster_checks.asking import Json
from pipelines.cluster_checks.checks import Check, Verdict, doubtful, lacking, well
from pipelines.cluster_checks.questions import Thing

RESTRICTED = "pod-security.kubernetes.io/enforce"
_RBAC = "rbac.authorization.k8s.io"
_APPLY = "apply the overlay of this cluster, `kubectl apply -k infra/kubernetes/overlays/…`"


def named_checks(cluster: ClusterProfile) -> Iterator[Check]:
    """Return the checks of all that a profile names."""
    space = cluster.namespace
    yield Check("namespace", [Thing(resource="namespaces", name=space)], partial(namespace, space))
    account = Thing(resource="serviceaccounts", namespace=space, name=cluster.service_account)
    yield Check("account", [account], partial(service_account, cluster.service_account))
    bindings = Thing(group=_RBAC, resource="rolebindings", namespace=space)
    yield Check("rights of the account", [bindings], partial(bound, cluster.service_account, space))
    for volume in (cluster.home, cluster.models):
        yield Check(f"claim {volume.claim}", [claim_of(cluster, volume.claim)], partial(claim, volume.claim))
    yield Check("settings", [settings_of(cluster)], partial(settings, cluster.config_map))
    for secret in dict.fromkeys(reference.secret for reference in cluster.secrets):
        references = [reference for reference in cluster.secrets if reference.secret == secret]
        thing = Thing(resource="secrets", namespace=space, name=secret)
        yield Check(f"secret {secret}", [thing], partial(secret_keys, references))


def claim_of(cluster: ClusterProfile, name: str) -> Thing:
    """Return where a claim is."""
    return Thing(resource="persistentvolumeclaims", namespace=cluster.namespace, name=name)


def settings_of(cluster: ClusterProfile) -> Thing:
    """Return where the settings of the stages are."""
    return Thing(resource="configmaps", namespace=cluster.namespace, name=cluster.config_map.name)


def namespace(name: str, seen: Json | None) -> Verdict:
    """Judge whether it is there, and refuses pods that are not restricted."""
    if seen is None:
        return lacking(f"{name} is not there", f"name another in the profile, or {_APPLY}")
    level = (seen["metadata"].get("labels") or {}).get(RESTRICTED)
    if level != "restricted":
        return doubtful(
            f"{name} takes pods that are not restricted: {RESTRICTED} is {level or 'not set'}",
            f"kubectl label --overwrite namespace {name} {RESTRICTED}=restricted",
        )
    return well(f"{name}, restricted")


def service_account(name: str, seen: Json | None) -> Verdict:
    """Judge whether it is there."""
    return well(name) if seen else lacking(f"{name} is not there, and no pod starts", _APPLY)


def bound(account: str, namespace: str, seen: Json | None) -> Verdict:
    """Judge whether the account has a role, without which no task of a run tells how it ended."""
    ours = {
        ("ServiceAccount", account, namespace),
        ("Group", f"system:serviceaccounts:{namespace}", namespace),
        ("Group", "system:serviceaccounts", namespace),
    }
    roles = [
        binding["roleRef"]["name"]
        for binding in (seen or {}).get("items") or ()
        for subject in binding.get("subjects") or ()
        if (subject["kind"], subject["name"], subject.get("namespace", namespace)) in ours
    ]
    if roles:
        return well(f"{account} has {', '.join(roles)}")
    return doubtful(
        f"no role in {namespace} is bound to {account}: no task may tell how it ended",
        _APPLY,
    )


def claim(name: str, seen: Json | None) -> Verdict:
    """Judge whether it is there and bound to a volume."""
    if seen is None:
        return lacking(f"{name} is not there", _APPLY)
    phase = seen.get("status", {}).get("phase")
    if phase == "Bound":
        return well(f"bound, {', '.join(seen['spec']['accessModes'])}")
    what = seen["spec"].get("storageClassName") or "the default storage class"
    return lacking(
        f"{name} is {phase}, not Bound: {what} has given no volume",
        f"see `kubectl describe pvc {name}`; one that waits for its first consumer is bound by the model loader",
    )


def settings(wanted: ConfigMap, seen: Json | None) -> Verdict:
    """Judge whether they have every key that the profile names."""
    if seen is None:
        return lacking(f"config map {wanted.name} is not there", _APPLY)
    if missing := [key for key in wanted.keys if key not in (seen.get("data") or {})]:
        return lacking(
            f"config map {wanted.name} has no {', '.join(missing)}", "set it there, or leave it out of the profile"
        )
    return well(f"{wanted.name}: {', '.join(wanted.keys)}")


def secret_keys(wanted: list[SecretReference], seen: Json | None) -> Verdict:
    """Judge whether it has every key that the profile names, by its history alone, since no value is asked for."""
    name = wanted[0].secret
    keys = [reference.key for reference in wanted]
    if seen is None:
        return lacking(f"{name} is not there; wants {', '.join(keys)}", "make it: infra/kubernetes/README.md, step 3")
    there = set(_keys_written(seen))
    if not there:
        return doubtful(
            f"{name} is there; its history does not tell whether it has {', '.join(keys)}",
            f"see `kubectl describe secret {name}`, which shows keys without values",
        )
    if missing := [key for key in keys if key not in there]:
        return lacking(f"{name} has no {', '.join(missing)}", "make it anew: infra/kubernetes/README.md, step 3")
    return well(", ".join(keys))


def _keys_written(secret: Json) -> Iterator[str]:
    for entry in secret["metadata"].get("managedFields") or ():
        for part in ("f:data", "f:stringData"):
            fields = entry.get("fieldsV1", {}).get(part, {})
            yield from (field.removeprefix("f:") for field in fields if field.startswith("f:"))
