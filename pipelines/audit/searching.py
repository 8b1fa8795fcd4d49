"""What a reader may look for: ids first, then speakers, files, prompts, and words of transcripts and answers."""

from collections.abc import Sequence

from components.core.contracts.errors import ConfigurationError
from pipelines.audit.links import link_to
from pipelines.audit.view import Cell, Table, View
from pipelines.lineage.why import Lineage

MOST = 100
"""Hits of one kind on a page; more help nobody."""

_QUERIES = {
    "clips": """
        SELECT DISTINCT clip_id, 'speaker ' || coalesce(speaker_id, 'not named'), source.corpus || '/' || source.path
        FROM read_parquet($files)
        WHERE contains(lower(coalesce(speaker_id, '')), $low)
           OR contains(lower(source.corpus || '/' || source.path), $low)
           OR len(list_filter(segments, lambda part: contains(lower(coalesce(part.speaker_id, '')), $low))) > 0
        ORDER BY ALL LIMIT $most
    """,
    "descriptions": """
        SELECT DISTINCT clip_id, 'description', seed_description FROM read_parquet($files)
        WHERE contains(lower(seed_description), $low) ORDER BY ALL LIMIT $most
    """,
    "samples": """
        SELECT DISTINCT sample_id,
               CASE WHEN contains(lower(response), $low) THEN 'answer' ELSE 'prompt ' || prompt_id END,
               CASE WHEN contains(lower(response), $low) THEN response ELSE prompt END
        FROM read_parquet($files)
        WHERE contains(lower(response), $low) OR contains(lower(prompt), $low) OR lower(prompt_id) = $low
        ORDER BY ALL LIMIT $most
    """,
}


Row = tuple[str, str, str]
"""The id of a row, which of its texts the words stand in, and that text."""


def search_view(words: str, lineage: Lineage) -> View:
    """Show what has words as its id, and where they stand in the rows."""
    words = words.strip()
    if not words:
        return View(title="Search", kind="search", lead="Write an id, a speaker, or words of a text or a prompt.")
    named = _named(words, lineage)
    found = {kind: _rows(kind, words.lower(), lineage) for kind in ("clips", "descriptions", "samples")}
    tables = tuple(_table(kind, rows) for kind, rows in found.items() if rows)
    state = "" if named or tables else "Nothing here has these words."
    return View(title=f"“{words}”", kind="search", state=state, bad=bool(state), tables=(*named, *tables))


def _named(words: str, lineage: Lineage) -> tuple[Table, ...]:
    try:
        refs = lineage.finder.refs(words)
    except ConfigurationError:
        return ()  # no id, but its words may stand in a text
    rows = tuple((Cell(text=ref.kind), link_to(ref.id)) for ref in refs)
    return (Table(title="By its id", columns=("kind", "id"), rows=rows),) if rows else ()


def _rows(kind: str, low: str, lineage: Lineage) -> Sequence[Row]:
    files = [str(shard) for content in lineage.catalogue.of(kind) for shard in content.shards]
    found = lineage.records.ask(_QUERIES[kind], files=files, low=low, most=MOST) if files else []
    return [(str(id_), str(where), str(text)) for id_, where, text in found]


def _table(kind: str, rows: Sequence[Row]) -> Table:
    note = f"The first {MOST}; more words find fewer." if len(rows) == MOST else ""
    cells = tuple((link_to(id_), Cell(text=where), Cell(text=text)) for id_, where, text in rows)
    return Table(title=kind.capitalize(), columns=("id", "where", "text"), rows=cells, note=note)
