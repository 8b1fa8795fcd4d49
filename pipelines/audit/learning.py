"""What a model learned from, by corpus, licence, domain and split: counted in the rows themselves."""

from collections.abc import Iterator

from pipelines.audit.view import Cell, Table
from pipelines.lineage.nodes import Kind, Trace
from pipelines.lineage.why import Lineage

_QUERY = """
    SELECT clip.source.corpus, clip.licence, sample.domain, sample.split, count(*), count(DISTINCT sample.clip_id)
    FROM read_parquet($samples) AS sample
    JOIN (SELECT DISTINCT clip_id, source, licence FROM read_parquet($clips)) AS clip USING (clip_id)
    GROUP BY ALL ORDER BY ALL
"""


def learned_table(trace: Trace, lineage: Lineage) -> Iterator[Table]:
    """Yield the table for each dataset on the page of a dataset or a model whose clips are here."""
    if trace.subject.kind not in {Kind.MODEL, Kind.VERSION, Kind.DATASET, Kind.PUBLISHED}:
        return
    for accepted in (step for step in trace.of(Kind.DATASET) if step.facts.get("holds") == "accepted"):
        content = lineage.catalogue.contents[accepted.id]
        clips = lineage.catalogue.known(content.inputs("clips"))
        if not clips or not content.shards:
            continue
        files = {"samples": [*map(str, content.shards)], "clips": [str(f) for each in clips for f in each.shards]}
        rows = lineage.records.ask(_QUERY, **files)
        yield Table(
            title=f"What is in {accepted.id[:12]}",
            columns=("corpus", "licence", "domain", "split", "samples", "clips"),
            rows=tuple(tuple(Cell(text=str(value)) for value in row) for row in rows),
            note="A model learns from the split train, looks at validation, and is measured on evaluation.",
        )
