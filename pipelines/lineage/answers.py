"""The answers of evaluations: about held-out clips from Parquet rows, to benchmarks from the results beside them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from components.core.contracts.errors import ContractError
from components.core.contracts.records import Answer
from pipelines.lineage.catalogue import Content
from pipelines.lineage.nodes import Kind, Ref, Step
from pipelines.lineage.records import ID_LENGTH, Column, Records
from pipelines.lineage.steps import ref_of

_RESULT = "result.json"


def answers_about(evaluation: Content, column: Column, wanted: str, records: Records) -> Iterator[Step]:
    """Yield the answers to a sample, or about a clip."""
    for place in records.find(evaluation.shards, column, wanted):
        answer = records.read(place, Answer)
        facts = answer.model_dump(mode="json", exclude={"sample_id", "clip_id"})
        made_from = (
            Ref(kind=Kind.SAMPLE, id=answer.sample_id),
            Ref(kind=Kind.CLIP, id=answer.clip_id),
            *_asked(evaluation),
        )
        yield Step(kind=Kind.ANSWER, id=_id(evaluation, answer.sample_id), facts=facts, made_from=made_from)


def items_of(evaluation: Content, *, clip_id: str | None = None, item: str | None = None) -> Iterator[Step]:
    """Yield what was said to the items of benchmarks, by item: those about a clip, or the one of that name."""
    said: dict[tuple[str, str], dict[str, Any]] = {}
    clips: dict[tuple[str, str], str] = {}
    for benchmark, system, mark in marks_of(evaluation):
        name, about = str(mark["item_id"]), clip_of(mark)
        if (clip_id is not None and about == clip_id) or (item is not None and item in (name, f"{benchmark}/{name}")):
            said.setdefault((benchmark, name), {})[system] = {k: mark[k] for k in ("marked", "value", "outcome")}
            clips[benchmark, name] = about
    for (benchmark, name), facts in said.items():
        clip = [Ref(kind=Kind.CLIP, id=clips[benchmark, name])] if _is_digest(clips[benchmark, name]) else []
        made_from = (*clip, *_asked(evaluation))
        yield Step(kind=Kind.ANSWER, id=_id(evaluation, f"{benchmark}/{name}"), facts=facts, made_from=made_from)


def marks_of(evaluation: Content) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every mark with its benchmark and the system that was asked.

    Raises:
        ContractError: a result of a benchmark is not readable.
    """
    folder = evaluation.results[0].folder
    for path in (entry.path for entry in evaluation.manifest.files if entry.path.count("/") == 2):
        benchmark, system, name = path.split("/")
        if name == _RESULT:
            try:
                for mark in json.loads((folder / path).read_bytes())["marks"]:
                    yield benchmark, system, mark
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise ContractError(f"{folder / path}: not a result of a benchmark: {error}") from error


def clip_of(mark: dict[str, Any]) -> str:
    """Return what a mark is about: items about one clip share the name of its audio."""
    return str(mark["cluster"]).rpartition("/")[2].partition(".")[0]


def evaluation_of(answer: str, evaluations: Sequence[Content]) -> tuple[list[Content], str]:
    """Split the id of an answer into its evaluation, all where it names none, and what was asked."""
    head, _, rest = answer.partition("/")
    named = [each for each in evaluations if len(head) >= 8 and each.digest.startswith(head)]
    return (named, rest) if named and rest else (list(evaluations), answer)


def _asked(evaluation: Content) -> list[Ref]:
    return [ref_of("report", evaluation.digest), *(ref_of("model", digest) for digest in evaluation.inputs("model"))]


def _id(evaluation: Content, asked: str) -> str:
    return f"{evaluation.digest[:12]}/{asked}"


def _is_digest(text: str) -> bool:
    return len(text) == ID_LENGTH
