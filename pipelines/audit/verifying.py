"""Whether runs are what they recorded: their bundles at once, every digest while the reader waits."""

from collections import deque
from collections.abc import Iterator

from components.core.contracts.errors import ContractError, DestaError
from components.core.home import Home
from pipelines.audit.links import link_to
from pipelines.audit.view import Cell, Table, View
from pipelines.bundle.sealing import FOLDER
from pipelines.bundle.verification import verify_bundle
from pipelines.lineage.nodes import Kind, Trace
from pipelines.verify import Verified, run_dir_named, verify


def verification_view(run: str, home: Home) -> View:
    """Verify a run, or the run that made a registered version, and show what holds and the first thing that differs."""
    run_dir, held = run_dir_named(home, run), list[Verified]()
    state, bad = f"Run {run_dir.name} is what it recorded, to the byte", False
    try:
        held.extend(verify(run_dir, home))
    except ContractError as error:
        state, bad = str(error), True
    rows = tuple((Cell(text=each.name), link_to(each.digest), Cell(text=each.what)) for each in held)
    table = Table(title="Verified", columns=("result", "digest", "computed again"), rows=rows)
    return View(title=run, kind="verification", state=state, bad=bad, tables=(table,))


def verifications(trace: Trace, home: Home) -> Iterator[Table]:
    """Yield how the runs behind a model stand, and offer to compute all their digests again."""
    if trace.subject.kind not in {Kind.MODEL, Kind.VERSION, Kind.RUN}:
        return
    again = "compute every digest again"
    rows = tuple(
        (link_to(run.id), Cell(text=_bundle_state(run.id, home)), Cell(text=again, href=f"/verify/{run.id}"))
        for run in trace.of(Kind.RUN)
    )
    yield Table(title="Verification", columns=("run", "signed bundle", ""), rows=rows)


def _bundle_state(run_id: str, home: Home) -> str:
    folder = home.runs / run_id / FOLDER
    if not folder.is_dir():
        return "it left none"
    try:
        deque(verify_bundle(folder, None, home), maxlen=0)
    except DestaError as error:
        return str(error)
    return "is what was signed"
