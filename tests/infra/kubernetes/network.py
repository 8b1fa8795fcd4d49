"""What NetworkPolicies let through, by the rules of Kubernetes' API: isolation, then the union of what is allowed."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.infra.kubernetes.rendering import Manifest

NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Pod:
    """A pod by what policies select it by."""

    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Address:
    """Something that is no pod of the cluster."""

    ip: str


Peer = Pod | Address


@dataclass(frozen=True)
class Policies:
    """The policies of a set of manifests."""

    manifests: Sequence[Manifest]

    def selecting(self, pod: Pod, way: str) -> list[Manifest]:
        """Return the policies that isolate a pod for `Ingress` or `Egress`."""
        return [
            policy
            for policy in self.manifests
            if policy["metadata"]["namespace"] == pod.namespace
            and way in policy["spec"]["policyTypes"]
            and _selects(policy["spec"]["podSelector"], pod.labels)
        ]

    def allow(self, source: Peer, to: Peer, port: int, protocol: str = "TCP") -> bool:
        """Say whether a connection is let out of its source, and into where it goes."""
        return self._passes(source, to, "Egress", port, protocol) and self._passes(
            to, source, "Ingress", port, protocol
        )

    def _passes(self, pod: Peer, other: Peer, way: str, port: int, protocol: str) -> bool:
        if isinstance(pod, Address) or not (isolating := self.selecting(pod, way)):
            return True
        rules = [rule for policy in isolating for rule in policy["spec"].get(way.lower()) or []]
        side = {"Ingress": "from", "Egress": "to"}[way]
        return any(_matches(rule, side, pod.namespace, other, port, protocol) for rule in rules)


def _matches(rule: Mapping[str, Any], side: str, namespace: str, other: Peer, port: int, protocol: str) -> bool:
    peers, ports = rule.get(side), rule.get("ports")
    here = not peers or any(_is(peer, namespace, other) for peer in peers)
    return here and (not ports or any(p["port"] == port and p.get("protocol", "TCP") == protocol for p in ports))


def _is(peer: Mapping[str, Any], namespace: str, other: Peer) -> bool:
    if isinstance(other, Address):
        return "ipBlock" in peer and _within(peer["ipBlock"], other.ip)
    if "ipBlock" in peer:  # which addresses pods have nobody can say here
        return False
    spaces = peer.get("namespaceSelector")
    here = other.namespace == namespace if spaces is None else _selects(spaces, {NAMESPACE_NAME: other.namespace})
    return here and _selects(peer.get("podSelector") or {}, other.labels)


def _within(block: Mapping[str, Any], ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    excepted = any(address in ipaddress.ip_network(part) for part in block.get("except", []))
    return address in ipaddress.ip_network(block["cidr"]) and not excepted


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    if odd := selector.keys() - {"matchLabels"}:
        raise NotImplementedError(f"selector with {', '.join(odd)}")
    wanted: Mapping[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()
