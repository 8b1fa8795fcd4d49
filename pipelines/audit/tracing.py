"""A trace as a page: its subject first, then all that it was made from and all that came of it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pipelines.audit.learning import learned_table
from pipelines.audit.view import Cell, Fact, Graph, Node, Section, Table, Text, View
from pipelines.lineage.nodes import Kind, Ref, Step, Trace
from pipelines.lineage.why import Lineage

_MOST_BOXES = 48
"""More than these make no picture; sections and tables name the others."""
_MOST_NEIGHBOURS = 500
_TEXTS = frozenset({"transcript", "said to the generator", "text", "question", "answer", "target", "prompt"})


def link_to(name: str) -> Cell:
    """Name a thing, and lead to its page."""
    return Cell(text=name, href=f"/why/{quote(name, safe='')}")


def trace_view(text: str, lineage: Lineage) -> View:
    """Show the trace of an id; what is known to have been there and is not is said at the top.

    Raises:
        ConfigurationError: nothing has that id, or several things do.
    """
    trace = lineage.why(text)
    subject = next((step for step in trace.steps if step.ref == trace.subject), trace.steps[0])
    others = [step for step in trace.steps if step is not subject]
    gaps, clips = len(trace.gaps), trace.of(Kind.CLIP)
    return View(
        title=trace.subject.id,
        kind=trace.subject.kind,
        state=f"{gaps} of {len(trace.steps)} steps are not in this home"
        if gaps
        else f"Whole: {len(trace.steps)} steps",
        bad=bool(gaps),
        audio=clips[0].id if len(clips) == 1 and not clips[0].missing else None,
        sections=(_section(subject, here=True), *map(_section, others)),
        tables=(_neighbours(subject), *learned_table(trace, lineage), *_verifications(trace)),
        graph=graph_of(trace),
    )


def graph_of(trace: Trace) -> Graph:
    """Return the boxes and arrows of a trace, the subject and what stands first where there are too many.

    A run leads to everything that it made: its arrows are drawn on its own page alone.
    """
    drawn = (step for step in trace.steps if step.kind is not Kind.RUN or step.ref == trace.subject)
    steps = sorted(drawn, key=lambda step: step.ref != trace.subject)[:_MOST_BOXES]
    shown = {step.ref for step in steps}
    pairs = {(before, step.ref) for step in steps for before in step.made_from}
    pairs |= {(step.ref, after) for step in steps for after in step.led_to}
    return Graph(
        nodes=tuple(_node(step, trace.subject) for step in trace.steps if step.ref in shown),
        edges=tuple(sorted((_name(a), _name(b)) for a, b in pairs if a in shown and b in shown)),
    )


def _node(step: Step, subject: Ref) -> Node:
    kind, href = str(step.facts.get("holds") or step.kind), _page_of(step)
    return Node(id=_name(step.ref), kind=kind, label=step.id, href=href, here=step.ref == subject)


def _page_of(step: Step) -> str | None:
    """Return where more is told of a step; a prompt and a verdict are told of with their sample."""
    asked = {
        Kind.PROMPT: f"/impact?by=prompt&value={quote(step.id)}",
        Kind.GENERATOR: f"/impact?by=llm&value={step.id}",
    }
    return asked.get(step.kind, None if step.kind is Kind.VERDICT else link_to(step.id).href)


def _name(ref: Ref) -> str:
    return f"{ref.kind} {ref.id}"


def _section(step: Step, *, here: bool = False) -> Section:
    told = {name: value for name, value in step.facts.items() if value is not None}
    texts = {name: value for name, value in told.items() if name in _TEXTS and isinstance(value, str)}
    return Section(
        title=_name(step.ref),
        href=None if here else _page_of(step),
        facts=tuple(_facts({name: value for name, value in told.items() if name not in texts})),
        texts=tuple(Text(name=name, text=value) for name, value in texts.items()),
        missing=step.missing or "",
    )


def _facts(values: Mapping[str, Any], before: str = "") -> Iterator[Fact]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _facts(value, f"{before}{name} · ")
        elif value is not None:
            yield Fact(name=f"{before}{name}", value=Cell(text=_plain(value)))


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _neighbours(step: Step) -> Table:
    ways = (("made from", step.made_from), ("led to", step.led_to))
    found = [(Cell(text=way), Cell(text=ref.kind), link_to(ref.id)) for way, refs in ways for ref in refs]
    note = f"The first {_MOST_NEIGHBOURS} of {len(found)}." if len(found) > _MOST_NEIGHBOURS else ""
    rows = tuple(found[:_MOST_NEIGHBOURS])
    return Table(title="Neighbours", columns=("which way", "kind", "id"), rows=rows, note=note)


def _verifications(trace: Trace) -> Iterator[Table]:
    """Offer to verify the runs behind a model: that takes a moment, so it waits to be asked for."""
    runs = trace.of(Kind.RUN) if trace.subject.kind in {Kind.MODEL, Kind.VERSION, Kind.RUN} else ()
    rows = tuple((link_to(run.id), Cell(text="compute every digest again", href=f"/verify/{run.id}")) for run in runs)
    if rows:
        yield Table(title="Verification", columns=("run", ""), rows=rows)
