"""How far the accepted samples are from those accepted before them: for people to look at, no gate and no fact.

What was accepted before depends on the store and not on the data, so none of this enters the result's digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Manifest, read_manifest
from components.core.contracts.errors import ContractError
from components.validate_data.overview import KINDS
from components.validate_data.policy import DriftLimits


@dataclass(frozen=True, kw_only=True)
class Change:
    """One figure then and now; `distance` is what the limit is for."""

    name: str
    before: str
    now: str
    distance: float
    limit: float

    @property
    def beyond(self) -> bool:
        """Tell whether it changed more than the policy lets pass without a word."""
        return self.distance > self.limit

    def __str__(self) -> str:
        return f"{self.name} changed by {self.distance:.2f} (at most {self.limit:g}): {self.before} → {self.now}"


@dataclass(frozen=True, kw_only=True)
class Drift:
    """All changes against one earlier result."""

    baseline: str
    changes: tuple[Change, ...]

    def warnings(self) -> list[str]:
        """Return a line for each change that is beyond its limit."""
        return [str(change) for change in self.changes if change.beyond]


def latest_accepted(results: Path) -> Manifest | None:
    """Return the newest result in the store of this stage that passed its gates and says what this version says."""
    newest_first = sorted(results.glob("[0-9a-f]*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    for folder in newest_first:
        try:
            manifest = read_manifest(folder)
        except ContractError:
            continue  # no stage uses it now: its damage is reported where one does
        if not manifest.facts["refusals"] and "shares" in manifest.facts:
            return manifest
    return None


def drift_of(before: Manifest, facts: Mapping[str, Any], limits: DriftLimits) -> Drift:
    """Compare the facts of the accepted samples with those of an earlier result."""
    return Drift(baseline=before.digest, changes=changes_of(before.facts, facts, limits))


def changes_of(before: Mapping[str, Any], now: Mapping[str, Any], limits: DriftLimits) -> tuple[Change, ...]:
    """Return what can be compared of two results' facts; likelihood only where both have one."""
    changes = (
        *(_shift(kind, before["shares"][kind], now["shares"][kind], limits.max_share_shift) for kind in KINDS),
        _figure("acceptance", (before["acceptance"], now["acceptance"]), limits.max_acceptance_change),
        _figure("nats a token", (before["nll_per_token"], now["nll_per_token"]), limits.max_nll_change),
        _ratio("tokens an answer", (before["tokens_per_answer"], now["tokens_per_answer"]), limits.max_length_change),
    )
    return tuple(change for change in changes if change)


def total_variation(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """Return the share (0 to 1) of samples that would have to change their name for both to be alike."""
    then, today = sum(before.values()) or 1, sum(now.values()) or 1
    return sum(abs(before.get(name, 0) / then - now.get(name, 0) / today) for name in before.keys() | now.keys()) / 2


def _shift(kind: str, before: Mapping[str, int], now: Mapping[str, int], limit: float) -> Change:
    distance = total_variation(before, now)
    return Change(name=f"{kind} shares", before=_most(before), now=_most(now), distance=distance, limit=limit)


def _most(counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:4]
    return ", ".join(f"{name} {count / total:.0%}" for name, count in largest)


def _figure(name: str, values: tuple[float | None, float | None], limit: float) -> Change | None:
    before, now = values
    if before is None or now is None:
        return None
    return Change(name=name, before=f"{before:.2f}", now=f"{now:.2f}", distance=abs(now - before), limit=limit)


def _ratio(name: str, values: tuple[float, float], limit: float) -> Change:
    before, now = values
    distance = abs(now / before - 1) if before else 0.0
    return Change(name=name, before=f"{before:.1f}", now=f"{now:.1f}", distance=distance, limit=limit)
