"""What a home has: its runs, its results and its models."""

from datetime import UTC, datetime

from components.core.contracts.errors import DestaError
from components.core.registry import MODEL_NAME
from pipelines.audit.links import link_to
from pipelines.audit.view import Cell, Fact, Section, Table, View
from pipelines.journal import read_journal
from pipelines.lineage.catalogue import Content, Run
from pipelines.lineage.versions import Version
from pipelines.lineage.why import Lineage

_NEWEST = 20


def overview(lineage: Lineage) -> View:
    """Show the newest runs, the champion and the state of the journal."""
    catalogue = lineage.catalogue
    registered = catalogue.versions
    champion = next((version for version in registered if version.champion), None)
    kinds = {content.kind: len(catalogue.of(content.kind)) for content in catalogue.contents.values()}
    facts = [
        Fact(name="champion", value=link_to(champion.name) if champion else Cell(text="none")),
        Fact(name="journal", value=Cell(text=_journal(lineage), href="/log")),
        Fact(name="results", value=Cell(text=", ".join(f"{n} {kind}" for kind, n in kinds.items()), href="/results")),
        Fact(name="registered models", value=Cell(text=str(len(registered)), href="/models")),
        Fact(name="published datasets", value=Cell(text=str(len(catalogue.published)))),
    ]
    return View(
        title="What there is",
        kind="overview",
        lead="Search for an id, a speaker, words of a text or a prompt, or begin with a run.",
        sections=(Section(title="At a glance", facts=tuple(facts)),),
        tables=(_runs(catalogue.runs), _published(lineage)),
    )


def results_view(lineage: Lineage) -> View:
    """List every finished result."""
    contents = [content for kind in _KINDS for content in lineage.catalogue.of(kind)]
    columns = ("kind", "digest", "rows", "refused", "stage", "key")
    table = Table(title="Finished results", columns=columns, rows=tuple(map(_result, contents)))
    return View(title="Results", kind="results", tables=(table,))


def models_view(lineage: Lineage) -> View:
    """List every registered version, and the models that none holds."""
    registered = lineage.catalogue.versions
    held = {version.model for version in registered}
    loose = [content for content in lineage.catalogue.of("model") if content.digest not in held]
    columns = ("version", "model", "", "learned from", "verification")
    tables = (
        Table(title="Registered versions", columns=columns, rows=tuple(map(_version, registered))),
        Table(
            title="Models that are not registered",
            columns=("model", "samples"),
            rows=tuple((link_to(each.digest), Cell(text=str(each.manifest.counts.rows_out))) for each in loose),
        ),
    )
    return View(title="Models", kind="models", lead=f"Versions of {MODEL_NAME} in MLflow's registry.", tables=tables)


_KINDS = ("clips", "descriptions", "samples", "accepted", "model", "report")


def _journal(lineage: Lineage) -> str:
    try:
        return f"{len(read_journal(lineage.catalogue.home))} entries, the chain holds"
    except DestaError as error:
        return f"damaged: {error}"


def _runs(runs: tuple[Run, ...]) -> Table:
    columns = ("run", "profile", "state", "started", "model")
    return Table(title="Newest runs", columns=columns, rows=tuple(map(_run, runs[:_NEWEST])))


def _run(run: Run) -> tuple[Cell, ...]:
    record, model = run.record, run.tracking.model if run.tracking else None
    started = datetime.fromtimestamp(record.started_s, UTC).isoformat(sep=" ", timespec="seconds")
    named = link_to(f"{model.name}@{model.version}") if model else Cell(text="")
    return link_to(record.run_id), Cell(text=record.profile), Cell(text=record.state), Cell(text=started), named


def _published(lineage: Lineage) -> Table:
    rows = [
        (link_to(each.record.name), link_to(each.record.accepted), Cell(text=each.record.run_id))
        for each in lineage.catalogue.published
    ]
    return Table(title="Published datasets", columns=("name", "accepted samples", "run"), rows=tuple(rows))


def _result(content: Content) -> tuple[Cell, ...]:
    counts, made = content.manifest.counts, content.manifest.lineage
    rows = (Cell(text=str(counts.rows_out)), Cell(text=str(sum(counts.refused.values()))))
    return Cell(text=content.kind), link_to(content.digest), *rows, Cell(text=made.stage), link_to(made.key)


def _version(version: Version) -> tuple[Cell, ...]:
    return (
        link_to(version.name),
        link_to(version.model),
        Cell(text="champion" if version.champion else ""),
        link_to(version.accepted) if version.accepted else Cell(text=""),
        Cell(text="verify", href=f"/verify/{version.name}"),
    )
