"""The security rules of a pod, each a function that returns what a template does against it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.infra.kubernetes.network import Pod, Policies
from tests.infra.kubernetes.rendering import Manifest

_DIGEST = re.compile(r"[^@\s]+@sha256:[0-9a-f]{64}")
_ALLOWED_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"}
_ALLOWED_VOLUMES |= {"secret"}


@dataclass(frozen=True)
class Template:
    """A pod as a manifest describes it; `owner` is who makes it."""

    owner: str
    namespace: str
    labels: Mapping[str, str]
    spec: Mapping[str, Any]

    @property
    def containers(self) -> list[Mapping[str, Any]]:
        """All that run in it, at any time."""
        kinds = ("containers", "initContainers", "ephemeralContainers")
        return [container for kind in kinds for container in self.spec.get(kind, [])]

    @property
    def pod(self) -> Pod:
        """The pod, as network policies see it."""
        return Pod(self.namespace, self.labels)


def templates(manifests: list[Manifest]) -> Iterator[Template]:
    """Find every pod template, wherever a manifest holds it: what has containers is one."""
    for manifest in manifests:
        owner = f"{manifest['kind']}/{manifest['metadata']['name']}"
        for metadata, spec in _pods(manifest):
            yield Template(owner, manifest["metadata"]["namespace"], metadata.get("labels", {}), spec)


def _pods(node: Any) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    if isinstance(node, dict):
        spec = node.get("spec")
        if isinstance(spec, dict) and "containers" in spec:
            yield node.get("metadata", {}), spec
        for value in node.values():
            yield from _pods(value)
    elif isinstance(node, list):
        for item in node:
            yield from _pods(item)


def _not_root(template: Template, _: Policies) -> Iterator[str]:
    pod = template.spec.get("securityContext", {})
    for container in template.containers:
        context = {**pod, **container.get("securityContext", {})}
        if not context.get("runAsNonRoot") or context.get("runAsUser", 1) == 0:
            yield f"{container['name']} may run as root"


def _read_only_root(template: Template, _: Policies) -> Iterator[str]:
    return _unless(template, "can write to its image", lambda context: context.get("readOnlyRootFilesystem") is True)


def _no_escalation(template: Template, _: Policies) -> Iterator[str]:
    def refused(context: Mapping[str, Any]) -> bool:
        return context.get("allowPrivilegeEscalation") is False and not context.get("privileged", False)

    return _unless(template, "may gain privileges", refused)


def _no_capabilities(template: Template, _: Policies) -> Iterator[str]:
    def dropped(context: Mapping[str, Any]) -> bool:
        return context.get("capabilities") == {"drop": ["ALL"]}

    return _unless(template, "keeps capabilities", dropped)


def _seccomp(template: Template, _: Policies) -> Iterator[str]:
    pod = template.spec.get("securityContext", {})
    for container in template.containers:
        profile = {**pod, **container.get("securityContext", {})}.get("seccompProfile", {})
        if profile.get("type") != "RuntimeDefault":
            yield f"{container['name']} may make any system call"


def _limits(template: Template, _: Policies) -> Iterator[str]:
    for container in template.containers:
        resources = container.get("resources", {})
        for part in ("requests", "limits"):
            yield from (
                f"{container['name']} has no {part} of {what}"
                for what in ("cpu", "memory")
                if what not in resources.get(part, {})
            )


def _digest(template: Template, _: Policies) -> Iterator[str]:
    for container in template.containers:
        if not _DIGEST.fullmatch(container["image"]):
            yield f"{container['name']}: {container['image']} is no digest"


def _no_token(template: Template, _: Policies) -> Iterator[str]:
    if template.spec.get("automountServiceAccountToken") is not False:
        yield "a token of the API server is mounted"


def _own_account(template: Template, _: Policies) -> Iterator[str]:
    if "serviceAccountName" not in template.spec:
        yield "no service account is named"


def _harmless_volumes(template: Template, _: Policies) -> Iterator[str]:
    for volume in template.spec.get("volumes", []):
        if odd := volume.keys() - {"name"} - _ALLOWED_VOLUMES:
            yield f"volume {volume['name']} is a {', '.join(odd)}"
        if "sizeLimit" not in volume.get("emptyDir", {"sizeLimit": ""}):
            yield f"volume {volume['name']} may fill the node"


def _no_host(template: Template, _: Policies) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if template.spec.get(field):
            yield f"{field} is the node's"
    for container in template.containers:
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{container['name']} takes a port of the node"


def _isolated(template: Template, policies: Policies) -> Iterator[str]:
    for way in ("Ingress", "Egress"):
        if not policies.selecting(template.pod, way):
            yield f"no NetworkPolicy selects it for {way}"


def _unless(template: Template, fault: str, good: Callable[[Mapping[str, Any]], bool]) -> Iterator[str]:
    for container in template.containers:
        if not good(container.get("securityContext", {})):
            yield f"{container['name']} {fault}"


Rule = Callable[[Template, Policies], Iterator[str]]
RULES: Mapping[str, Rule] = {
    "runs as a user that is not root": _not_root,
    "cannot write to its image": _read_only_root,
    "cannot gain privileges": _no_escalation,
    "has no capabilities": _no_capabilities,
    "has the runtime's seccomp profile": _seccomp,
    "says what it needs and may take at most": _limits,
    "is an image by its digest": _digest,
    "has no token of the API server": _no_token,
    "names its service account": _own_account,
    "mounts nothing of the node": _harmless_volumes,
    "shares nothing with the node": _no_host,
    "is selected by a NetworkPolicy both ways": _isolated,
}
