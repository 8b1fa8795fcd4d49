"""What an erasure would take away: its plan, which touches nothing."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from pipelines.audit.links import link_to
from pipelines.audit.view import Cell, Fact, Field, Form, Section, Table, View
from pipelines.erasure.planning import Plan, plan_erasure
from pipelines.erasure.subject import Subject

_LEAD = "A dry run: everything is looked through, and nothing is touched. `desta erase` carries it out."
_KINDS = ("speaker", "clip", "source")
_REASON = "dry run of the audit"
_MOST = 500


def erasure_view(asked: Mapping[str, str], home: Home, root: Path) -> View:
    """Ask for a speaker, a clip or a file, and show what its erasure would take away."""
    kind, name = asked.get("kind", _KINDS[0]), asked.get("name", "")
    if kind not in _KINDS:
        raise ConfigurationError(f"kind {kind!r}: want one of {', '.join(_KINDS)}")
    fields = (
        Field(name="kind", label="What", options=_KINDS, value=kind),
        Field(name="name", label="which", value=name),
    )
    form = Form(fields=fields, button="Plan")
    if not name:
        return View(title="Erasure", kind="erasure, dry run", lead=_LEAD, form=form)
    plan = plan_erasure(Subject.model_validate({"kind": kind, "name": name}), _REASON, home, root)
    return View(
        title=f"{kind} {name}",
        kind="erasure, dry run",
        lead=_LEAD,
        form=form,
        state="The champion learned from it" if any(model.champion for model in plan.models) else "",
        bad=True,
        sections=(Section(title="In all", facts=tuple(_counts(plan))),),
        tables=(_results(plan), _models(plan), _files(plan), _people(plan)),
    )


def _counts(plan: Plan) -> list[Fact]:
    traces = plan.erased.traces
    counts = {"clips": len(traces.clips), "samples": len(traces.samples), "recordings": len(plan.erased.places)}
    counts |= {f"files in {place}": count for place, count in Counter(each.place for each in plan.files).items()}
    counts |= {f"objects in {place}": len(names) for place, names in plan.objects.items()}
    return [Fact(name=name, value=Cell(text=str(count))) for name, count in counts.items()]


def _results(plan: Plan) -> Table:
    rows = tuple((Cell(text=each.stage), link_to(each.digest), Cell(text=str(each.rows))) for each in plan.results)
    return Table(title="Results that get a new version", columns=("stage", "digest", "rows that leave"), rows=rows)


def _models(plan: Plan) -> Table:
    rows = tuple((link_to(each.digest), Cell(text=str(each)), Cell(text=each.retrain)) for each in plan.models)
    return Table(title="Models that learned from it", columns=("model", "how", "mended by"), rows=rows)


def _files(plan: Plan) -> Table:
    rows = tuple((Cell(text=each.place), Cell(text=each.name), Cell(text=each.holds)) for each in plan.files[:_MOST])
    note = f"The first {_MOST} of {len(plan.files)}." if len(plan.files) > _MOST else ""
    return Table(title="Files that hold something of it", columns=("in", "file", "holds"), rows=rows, note=note)


def _people(plan: Plan) -> Table:
    rows = tuple((Cell(text=line),) for line in plan.people)
    return Table(title="Left to people", columns=("what is out of reach",), rows=rows)
