"""What self-checks find, and how it is shown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from components.core.contracts.errors import ExitCode


class State(StrEnum):
    """How a part is; an error stops runs, a warning does not."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """What one check found, in one line, and how to mend it (empty where all is well)."""

    name: str
    state: State
    detail: str
    mend: str


def report(findings: Sequence[Finding], *, as_json: bool) -> str:
    """Return the findings for a person, or as a JSON list of {name, state, detail, mend}."""
    if as_json:
        return json.dumps([asdict(finding) for finding in findings], indent=1)
    width = max(len(finding.name) for finding in findings)
    lines = []
    for finding in findings:
        mend = f"\n{'':{width + 9}}  mend: {finding.mend}" if finding.mend else ""
        lines.append(f"{finding.state:8} {finding.name:{width}}  {finding.detail}{mend}")
    counts = [f"{sum(f.state is state for f in findings)} {state}" for state in State]
    return "\n".join([*lines, f"{len(findings)} checks: {', '.join(counts)}"])


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """Return 1 where something has to be mended first."""
    return ExitCode.FAILED if any(finding.state is State.ERROR for finding in findings) else ExitCode.DONE
