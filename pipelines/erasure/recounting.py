"""The facts of a result after rows have left it: counted again from what is left, or left out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from components.core.contracts.artifacts import Counts
from components.core.contracts.records import Clip, Description, Record, Sample
from components.core.digests import digest_of

Facts = Mapping[str, Any]

ERASED_ROWS = "erased_rows"
"""The fact of an evaluation whose figures were measured with rows that it no longer has."""


def facts_after(kind: str, before: Facts, rows: Iterable[Record], counts: Counts, gone: int) -> dict[str, Any]:
    """Return what is still right: what can be counted is counted again, the rest leaves; a measurement stays one."""
    recount = _RECOUNTS.get(kind)
    if recount is None:
        return {**before, ERASED_ROWS: before.get(ERASED_ROWS, 0) + gone} if gone else dict(before)
    counted = recount(before, rows, counts)
    return {name: counted.get(name, value) for name, value in before.items() if name not in _UNCOUNTABLE[kind]}


def _clips(before: Facts, rows: Iterable[Record], counts: Counts) -> dict[str, Any]:
    del counts
    clips, seconds = Counter[tuple[str, str]](), defaultdict[tuple[str, str], float](float)
    corpora, languages, speakers = Counter[str](), Counter[str](), set[str]()
    for clip in rows:
        assert isinstance(clip, Clip)  # noqa: S101 (the kind of the result says so)
        clips[clip.domain, clip.split] += 1
        seconds[clip.domain, clip.split] += clip.duration_s
        corpora[clip.source.corpus] += 1
        languages.update([clip.language] if clip.language else [])
        speakers |= {name for name in (clip.speaker_id, *(part.speaker_id for part in clip.segments)) if name}
    domains: dict[str, dict[str, Any]] = {}
    for (domain, split), count in sorted(clips.items()):
        figures = {"clips": count, "seconds": round(seconds[domain, split], 3)}
        domains.setdefault(str(domain), {})[str(split)] = figures
    told = {
        name: {**{key: value for key, value in facts.items() if key != "unmapped"}, "clips": corpora[name]}
        for name, facts in before.get("corpora", {}).items()
    }
    return {
        "domains": domains,
        "speakers": len(speakers),
        "languages": dict(sorted(languages.items())),
        "corpora": told,
    }


def _descriptions(before: Facts, rows: Iterable[Record], counts: Counts) -> dict[str, Any]:
    del before, counts
    told = Counter[str]()
    for row in rows:
        assert isinstance(row, Description)  # noqa: S101 (the kind of the result says so)
        told.update({name for lines in (row, *row.segments) for name in lines.attributes})
    return {"attributes": dict(sorted(told.items()))}


def _samples(before: Facts, rows: Iterable[Record], counts: Counts) -> dict[str, Any]:
    del before, counts
    finished, tokens = Counter[str](), 0
    for row in rows:
        assert isinstance(row, Sample)  # noqa: S101 (the kind of the result says so)
        finished[row.finish_reason] += 1
        tokens += row.response_tokens
    return {"finish_reasons": dict(sorted(finished.items())), "response_tokens": tokens}


def _accepted(before: Facts, rows: Iterable[Record], counts: Counts) -> dict[str, Any]:
    del before
    parts, generators = Counter[str](), set[str]()
    nats, claimed, said = 0.0, 0, 0
    for row in rows:
        assert isinstance(row, Sample)  # noqa: S101 (the kind of the result says so)
        parts[f"{row.split}/{row.domain}"] += 1
        generators.add(digest_of(row.generator.model_dump()))
        said += row.response_tokens
        if row.nll_per_token is not None:
            nats += row.nll_per_token * row.response_tokens
            claimed += row.response_tokens
    return {
        "acceptance": counts.rows_out / counts.rows_in if counts.rows_in else 0.0,
        "accepted": dict(sorted(parts.items())),
        "generators": sorted(generators),
        "nll_per_token": nats / claimed if claimed else None,
        "tokens_per_answer": said / counts.rows_out if counts.rows_out else None,
    }


_RECOUNTS: Mapping[str, Callable[[Facts, Iterable[Record], Counts], dict[str, Any]]] = {
    "clips": _clips,
    "descriptions": _descriptions,
    "samples": _samples,
    "accepted": _accepted,
}
_UNCOUNTABLE: Mapping[str, frozenset[str]] = {
    "clips": frozenset({"cut", "left_out"}),
    "descriptions": frozenset({"languages", "transcripts", "shortened"}),
    "samples": frozenset({"prompt_tokens"}),
    "accepted": frozenset({"shares", "absent"}),
}
"""Facts that what is left does not tell."""
