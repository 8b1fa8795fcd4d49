"""`desta doctor --cluster` as somebody would run it, and its checks of Kubernetes alone."""

import json

import pytest

from pipelines.cli import main
from pipelines.cluster.profile import read_profile
from pipelines.cluster_checks.asking import Kubernetes
from pipelines.cluster_checks.checks import examined
from pipelines.cluster_checks.diagnosis import checks_of
from pipelines.findings import Finding
from tests.pipelines.cluster.making import CLUSTERS

Findings = dict[str, tuple[str, str]]


def doctor(capsys: pytest.CaptureFixture[str], overlay: str, *words: str) -> tuple[int, Findings]:
    with pytest.raises(SystemExit) as end:
        main(["doctor", "--cluster", str(CLUSTERS / f"{overlay}.yaml"), "--json", *words])
    said = json.loads(capsys.readouterr().out)
    return int(end.value.code or 0), {each["name"]: (each["state"], each["detail"]) for each in said}


def wanting(findings: Findings) -> Findings:
    return {name: found for name, found in findings.items() if found[0] != "ok"}


def examined_alone(overlay: str) -> list[Finding]:
    """Examine what Kubernetes has."""
    return examined(checks_of(read_profile(CLUSTERS / f"{overlay}.yaml"), several=True), Kubernetes(None))
