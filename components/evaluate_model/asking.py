"""Ask a model and its baselines about held-out clips (desta-sample), and its backbone without audio (desta-text).

All systems answer in the same evaluation. Each answer is kept as it comes: a kill costs one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from components.core.audio import samples_of
from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Clip, Message, Record, Sample
from components.core.digests import seed_of
from components.core.execution import Workplace
from components.core.inference.hearing import words_in
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.whisper import Whisper
from components.evaluate_model.bench import Bench
from components.evaluate_model.benchmarks.answering import answer_all
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, unique
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE, clip_of, rows_about
from components.evaluate_model.benchmarks.desta_text import DESTA_TEXT, SHIPPED
from components.evaluate_model.benchmarks.journal import Journal
from components.evaluate_model.benchmarks.records import Item, Prediction
from components.evaluate_model.benchmarks.respondent import Asked, Respondent, Speaking, heard, read
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.scoring import read_items
from components.evaluate_model.report import AFTER, BEFORE, CASCADE, DESCRIBED, TRAINED, UNTRAINED
from components.evaluate_model.settings import EvaluateModelSettings

Ask = Callable[[Item], Asked]

_ASR_TOKENS = 128


class Heard(Record):
    """What Whisper wrote down of a clip; nothing where nobody speaks."""

    clip_id: str
    text: str


def questions_about(clips: Artifact, accepted: Sequence[Sample], settings: EvaluateModelSettings) -> dict[str, Entry]:
    """Return questions about the held-out clips that an accepted sample describes; of too many, some by chance."""
    described = {sample.clip_id for sample in accepted}
    known = [row for row in rows_about(clips.read(Clip), settings.seed) if clip_of(row["audio_id"]) in described]
    chosen = sorted(known, key=lambda row: seed_of(settings.seed, "question", row["id"]))[: settings.questions]
    read_rows = [Row(str(clips.folder), row) for row in chosen]
    return unique(Entry(row, item) for row in read_rows for item in DESTA_SAMPLE.items_of(row))


def ask_about_clips(
    bench: Bench,
    questions: Mapping[str, Entry],
    transcripts: Mapping[str, str],
    descriptions: Mapping[str, str],
    settings: EvaluateModelSettings,
    place: Workplace,
) -> dict[str, Mapping[str, Prediction]]:
    """Return the answers of the trained model and of each baseline, by system; none where there is no question."""
    if not questions:
        return {}
    items = [entry.item for entry in questions.values()]

    def hears(name: str, model: AudioLanguageModel) -> Respondent:
        def ask(item: Item) -> Asked:
            clip_id = clip_of(item.audio[0])
            return heard(item.instruction, bench.vectors(model, clip_id), transcripts[clip_id])

        return _respondent(bench, name, items, ask, model.speaking, settings)

    def reads(name: str, words: Mapping[str, str]) -> Respondent:
        def ask(item: Item) -> Asked:
            return read(item.instruction, words[clip_of(item.audio[0])])

        return _respondent(bench, name, items, ask, bench.untrained.speaking, settings)

    systems = (
        hears(TRAINED, bench.trained),
        hears(UNTRAINED, bench.untrained),
        reads(CASCADE, transcripts),
        reads(DESCRIBED, descriptions),
    )
    return {system.name: _answers(DESTA_SAMPLE, system, place) for system in systems}


def ask_without_audio(
    bench: Bench, settings: EvaluateModelSettings, place: Workplace
) -> tuple[dict[str, Entry], dict[str, Mapping[str, Prediction]]]:
    """Return questions without audio, and the answers of the backbone before training and after."""
    entries = dict(list(read_items(DESTA_TEXT, SHIPPED).items())[: settings.text_questions])
    if not entries:
        return entries, {}

    def ask(item: Item) -> Asked:
        return Asked((Message(role="user", content=item.instruction),))

    def system(name: str, speaking: Speaking) -> Respondent:
        items = [entry.item for entry in entries.values()]
        found = _respondent(bench, name, items, ask, speaking, settings)
        return replace(found, max_tokens=settings.text_tokens, batch=len(entries))

    systems = system(BEFORE, bench.untrained.speaking), system(AFTER, bench.trained.speaking)
    return entries, {system.name: _answers(DESTA_TEXT, system, place) for system in systems}


def _respondent(
    bench: Bench, name: str, items: Sequence[Item], ask: Ask, speaking: Speaking, settings: EvaluateModelSettings
) -> Respondent:
    return Respondent(
        name=name,
        digest=bench.digest,
        llm=bench.llm,
        tokenizer=bench.tokenizer,
        max_transcript_tokens=bench.config.max_transcript_tokens,
        items=items,
        ask=ask,
        speaking=speaking,
        max_tokens=settings.answer_tokens,
        batch=settings.batch,
        seed=settings.seed,
    )


def _answers(benchmark: Benchmark, system: Respondent, place: Workplace) -> Mapping[str, Prediction]:
    folder = place.resume / benchmark.name / system.name
    return answer_all(folder, system, system.items, place.progress, f"{benchmark.name}, {system.name}")


def transcribe(clips: Artifact, wanted: Sequence[str], bench: Bench, place: Workplace) -> dict[str, str]:
    """Return what the encoder's own Whisper writes down of clips: all that a cascade knows of them."""
    journal = Journal(place.resume / "transcripts.jsonl", Heard)
    known = {each.clip_id for each in journal.records}
    missing = [clip_id for clip_id in wanted if clip_id not in known]
    whisper = Whisper(bench.encoder, batch=1, max_tokens=_ASR_TOKENS)
    samples = ((clip.clip_id, samples_of(clip.audio)) for clip in clips.read(Clip) if clip.clip_id in set(missing))
    for clip_id, of_clip in place.progress.track(samples, label="transcribe", unit="clips", total=len(missing)):
        (text,) = words_in([of_clip], whisper)
        journal.keep(Heard(clip_id=clip_id, text=text))
    return {each.clip_id: each.text for each in journal.records}
