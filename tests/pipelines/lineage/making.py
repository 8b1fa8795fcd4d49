"""A home with one result of every stage, made by hand from a few rows, a run and a published copy."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Counts, Draft, Lineage, Manifest
from components.core.contracts.records import (
    Answer,
    Clip,
    ClipRefusal,
    Description,
    Record,
    RefusedClip,
    RefusedSample,
    Sample,
    SampleRefusal,
    Segment,
    Split,
)
from components.core.digests import digest_of
from components.core.home import Home
from components.core.runs import Output, State, stage_file, write_record, write_run
from components.core.stages import STAGES, stage_named
from pipelines.publish.published import FOLDER, PublishedRecord
from tests.builders import make_answer, make_clip, make_description, make_sample, make_source, make_tone
from tests.pipelines.results import make_run_record, make_stage_record

ENCODER, LLM, POOL = "e" * 64, "f" * 64, "9" * 64
RUN = "20261128-101010-abcd"


def clip_of(hertz: float, speaker: str, split: Split, **changes: Any) -> Clip:
    """A clip of its own file."""
    name = f"{hertz:g}.flac"
    source = make_source(corpus="farm", path=name, sha256=digest_of(name), source_id=f"farm/{hertz:g}")
    values = {"speaker_id": speaker, "split": split, "source": source, **changes}
    return make_clip(pcm=make_tone(hertz=hertz, duration_s=0.1), **values)


ANNA = clip_of(300.0, "anna", Split.TRAIN)
BERT = clip_of(400.0, "bert", Split.TRAIN, licence="GPL-2.0-only")
HELD_OUT = clip_of(500.0, "carl", Split.EVALUATION)
_PART: dict[str, Any] = {"start_s": 0.0, "end_s": 0.1, "transcript": "moo", "attributes": {}}
TOGETHER = clip_of(600.0, "dora", Split.VALIDATION, segments=(Segment(speaker_id="anna", **_PART),))
CLIPS = (ANNA, BERT, HELD_OUT, TOGETHER)
BROKEN = make_source(corpus="farm", path="broken.flac", sha256=digest_of("broken"))


def about(clip: Clip, prompt_id: str = "sound-descriptive-001", **changes: Any) -> Sample:
    """A sample about a clip."""
    return make_sample(clip_id=clip.clip_id, split=clip.split, prompt_id=prompt_id, **changes)


ACCEPTED = (about(ANNA), about(ANNA, "sound-descriptive-002", prompt="How loud?"), about(HELD_OUT), about(TOGETHER))
REFUSED = (about(BERT, finish_reason="length"),)


@dataclass(frozen=True)
class Made:
    """The digests of the results by the word that stages have for them."""

    home: Home
    checkout: Path
    digests: dict[str, str]


def make_home(root: Path, *, published: str | None = "spring") -> Made:
    """Write everything; `published` names a copy of the accepted samples."""
    home, digests = Home(root / "home"), dict[str, str]()
    broken = [RefusedClip(source=BROKEN, reason=ClipRefusal.UNREADABLE, detail="no FLAC")]
    refused = [RefusedSample(sample=each, reason=SampleRefusal.CUT_OFF, detail="in a word") for each in REFUSED]
    descriptions = [make_description(clip_id=clip.clip_id, split=clip.split) for clip in CLIPS]
    pools = {"prompt_pools": {"sound": {"version": 3, "digest": POOL}}, "generator": ACCEPTED[0].generator.model_dump()}
    write = Writer(home, digests)
    write("ingest_audio", CLIPS, Clip, quarantine=broken)
    write("extract_metadata", descriptions, Description)
    write("self_generate", (*ACCEPTED, *REFUSED), Sample, facts=pools)
    write("validate_data", ACCEPTED, Sample, quarantine=refused)
    write("train_model", (), Sample, files={"adapter.safetensors": "weights"})
    write("evaluate_model", (answer(),), Answer, files={"desta-sample/trained/result.json": marks()})
    _write_run(home, digests)
    if published:
        _publish(home, root / "checkout", digests, published)
    return Made(home, root / "checkout", digests)


class Writer:
    """Writes results into a store, each made from those before it."""

    def __init__(self, home: Home, digests: dict[str, str]) -> None:
        self._home, self._digests = home, digests

    def __call__(
        self,
        stage: str,
        rows: Sequence[Record],
        record: type[Record],
        *,
        quarantine: Sequence[RefusedClip | RefusedSample] = (),
        facts: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Manifest:
        """Write the result of one stage, two rows a shard."""
        told = stage_named(stage)
        inputs = {word: self._digests[word] for word in told.inputs}
        models = {name: {"encoder": ENCODER, "llm": LLM}[name] for name in told.models}
        key = digest_of([stage, inputs, [row.model_dump(mode="json", exclude={"audio"}) for row in rows]])
        folder = self._home.store / stage / key
        folder.mkdir(parents=True)
        draft = Draft(folder)
        draft.write(rows, record, rows_per_shard=2)
        if quarantine:
            draft.quarantine(quarantine, type(quarantine[0]))
        for name, text in (files or {}).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        reasons = {each.reason.value: 1 for each in quarantine}
        lineage = Lineage(stage=stage, key=key, code="0" * 64, settings={}, inputs=inputs, models=models, sources={})
        counts = Counts(rows_in=len(rows) + len(quarantine), rows_out=len(rows), refused=reasons)
        manifest = draft.close(kind=told.output, counts=counts, facts=facts or {}, lineage=lineage)
        self._digests[told.output] = manifest.digest
        return manifest


def answer() -> Answer:
    """What the model answered about the clip that is held out."""
    return make_answer(ACCEPTED[2], TOGETHER.clip_id, response_trained="A cow.")


def marks() -> str:
    """A result of a benchmark with an item about the clip that is held out."""
    mark = {"item_id": f"{HELD_OUT.clip_id}-domain", "cluster": f"audio/{HELD_OUT.clip_id}.flac"}
    return json.dumps({"marks": [{**mark, "marked": "a noise", "value": 1.0, "outcome": "marked"}]})


def _write_run(home: Home, digests: Mapping[str, str]) -> None:
    run_dir = home.runs / RUN
    write_run(run_dir, make_run_record(run_id=RUN, parameters={"llm": "hf://a/b@1"}))
    for stage in STAGES:
        output = Output(digest=digests[stage.output], path=str(home.store / stage.name))
        record = make_stage_record(stage=stage.name, state=State.SUCCEEDED, outputs={stage.output: output})
        write_record(stage_file(run_dir, stage.name), record)


def _publish(home: Home, checkout: Path, digests: Mapping[str, str], name: str) -> None:
    folder = checkout / FOLDER / name
    for kind, stage in (("accepted", "validate_data"), ("clips", "ingest_audio")):
        shutil.copytree(next((home.store / stage).iterdir()), folder / kind)
    record = PublishedRecord(
        name=name,
        run_id=RUN,
        data_revision="d",
        code_version="c",
        llm="hf://a/b@1",
        accepted=digests["accepted"],
        clips=digests["clips"],
    )
    (folder / "published.json").write_text(record.model_dump_json())
