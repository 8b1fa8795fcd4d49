"""What something has touched, as tables."""

from collections.abc import Mapping

from components.core.contracts.errors import ConfigurationError
from pipelines.audit.links import link_to
from pipelines.audit.view import Cell, Fact, Field, Form, Section, Table, View
from pipelines.lineage.choice import By, Choice
from pipelines.lineage.impact import Impact, impact_in
from pipelines.lineage.why import Lineage

_LEAD = (
    "Everything that a speaker, clip, file, licence, prompt or language model is in: datasets, caches, models, "
    "evaluations and published versions."
)


def impact_view(asked: Mapping[str, str], lineage: Lineage) -> View:
    """Ask for a value, and show where it is."""
    by, value = asked.get("by", By.SPEAKER), asked.get("value", "")
    if by not in list(By):
        raise ConfigurationError(f"by {by!r}: want one of {', '.join(By)}")
    fields = (
        Field(name="by", label="What", options=tuple(By), value=by),
        Field(name="value", label="which", value=value),
    )
    form = Form(fields=fields, button="Look")
    if not value:
        return View(title="Impact", kind="impact", lead=_LEAD, form=form)
    found = impact_in(lineage.catalogue, Choice(by=By(by), values=(value,)))
    return View(
        title=f"{by} {value}",
        kind="impact",
        lead=_LEAD,
        form=form,
        state="" if found.anywhere else "It is nowhere in this home.",
        sections=(Section(title="In all", facts=tuple(_counts(found))),),
        tables=(_datasets(found), _models(found), _evaluations(found), _published(found)) if found.anywhere else (),
    )


def _counts(found: Impact) -> list[Fact]:
    counts = {"clips": found.clips, "samples": found.samples}
    counts |= {"kept features": found.features, "kept answers": found.generations}
    return [Fact(name=name, value=Cell(text=str(count))) for name, count in counts.items()]


def _datasets(found: Impact) -> Table:
    rows = [
        (
            Cell(text=each.kind),
            link_to(each.digest),
            Cell(text=f"{each.rows} of {each.of}"),
            Cell(text=_listed(each.splits)),
            Cell(text=_listed(each.refused)),
        )
        for each in found.datasets
    ]
    return Table(title="Datasets", columns=("kind", "digest", "rows", "by split", "refused"), rows=tuple(rows))


def _models(found: Impact) -> Table:
    rows = [
        (
            link_to(each.digest),
            Cell(text=", ".join(each.versions)),
            Cell(text="champion" if each.champion else ""),
            Cell(text=str(each.learned_from)),
            Cell(text=str(each.validated_on)),
        )
        for each in found.models
    ]
    columns = ("model", "versions", "", "samples it learned from", "samples it looked at")
    return Table(title="Models", columns=columns, rows=tuple(rows))


def _evaluations(found: Impact) -> Table:
    rows = [
        (
            link_to(each.digest),
            Cell(text=str(each.answers)),
            Cell(text=str(each.as_wrong_clip)),
            Cell(text=str(each.items)),
        )
        for each in found.evaluations
    ]
    columns = ("evaluation", "answers", "as the wrong clip", "items of benchmarks")
    return Table(title="Evaluations", columns=columns, rows=tuple(rows))


def _published(found: Impact) -> Table:
    rows = [(link_to(each.name), Cell(text=str(each.accepted)), Cell(text=str(each.clips))) for each in found.published]
    return Table(title="Published", columns=("name", "accepted samples", "clips"), rows=tuple(rows))


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
