"""Every digest of a run computed again, while the reader waits."""

from components.core.contracts.errors import ContractError
from components.core.home import Home
from pipelines.audit.tracing import link_to
from pipelines.audit.view import Cell, Table, View
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
