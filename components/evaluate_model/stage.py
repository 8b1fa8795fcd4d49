"""Measure a trained model on clips it has never heard, and decide whether it may be registered."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from components.core.contracts.artifacts import Artifact, Counts
from components.core.contracts.records import Answer, Clip, Domain, Sample
from components.core.execution import Outcome, Workplace
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.store import StoredModel
from components.core.publishing import write_file
from components.evaluate_model.asking import ask_about_clips, ask_without_audio, questions_about, transcribe
from components.evaluate_model.bench import Bench, open_bench
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE, clip_of
from components.evaluate_model.benchmarks.desta_text import DESTA_TEXT
from components.evaluate_model.benchmarks.journal import Journal
from components.evaluate_model.benchmarks.records import Prediction
from components.evaluate_model.benchmarks.scoring import Material, Result, score, write_result
from components.evaluate_model.findings import Findings
from components.evaluate_model.gate import refusals
from components.evaluate_model.held_out import choose_samples, held_out, wrong_clips
from components.evaluate_model.measure import Listener, Written, measure, pair_up, write
from components.evaluate_model.page import write_page
from components.evaluate_model.report import (
    Report,
    figures_of_answers,
    figures_of_sample,
    figures_of_text,
)
from components.evaluate_model.scores import Scores, groups_of, score_answers
from components.evaluate_model.settings import EvaluateModelSettings


def evaluate(
    inputs: dict[str, Artifact],
    encoder: StoredModel,
    llm: StoredModel,
    features_root: Path,
    settings: EvaluateModelSettings,
    place: Workplace,
) -> Outcome:
    """Write the answers, the scores and a report; rows are the held-out samples that were measured.

    Raises:
        ContractError: the model belongs to another encoder or LLM.
        SourceError: there is nothing held out.
    """
    clips, told = inputs["clips"], held_out(inputs["accepted"].read(Sample))
    samples = choose_samples(told, settings.max_samples, settings.seed)
    others = wrong_clips(samples, settings.seed)
    questions = questions_about(clips, told, settings)
    asked = {clip_of(entry.item.audio[0]) for entry in questions.values()}
    bench = open_bench(inputs["model"], encoder, llm, features_root)
    heard = {sample.clip_id for sample in (*samples, *others)} | asked
    bench.hear(clips, heard, place.progress)
    answers = _measured(bench, samples, others, settings, place)
    transcripts = transcribe(clips, sorted(asked), bench, place)
    descriptions = {sample.clip_id: sample.seed_description for sample in told}
    said = ask_about_clips(bench, questions, transcripts, descriptions, settings, place)
    texts, written = ask_without_audio(bench, settings, place)
    on_sample = _scored(DESTA_SAMPLE, questions, said, settings, place.draft.folder)
    on_text = _scored(DESTA_TEXT, texts, written, settings, place.draft.folder)
    report = _report(answers, {clip.clip_id: clip for clip in _known(clips, heard)}, on_sample, on_text, settings)
    found = Findings(
        model=inputs["model"].digest,
        report=report,
        refusals=refusals(report.figures, settings.policy.minimum),
        settings=settings,
        answers=answers,
        questions=questions,
        on_sample=on_sample,
        texts=texts,
        on_text=on_text,
    )
    return _published(found, clips, place)


def _measured(
    bench: Bench, samples: Sequence[Sample], others: Sequence[Sample], settings: EvaluateModelSettings, place: Workplace
) -> list[Answer]:
    """Return the likelihoods of the answers in each condition; what an earlier attempt kept is not measured again."""

    def listener(model: AudioLanguageModel) -> Listener:
        return Listener(model, bench.features, bench.tokenizer, settings.answer_tokens, bench.device)

    untrained, trained, batch = listener(bench.untrained), listener(bench.trained), settings.batch
    pairs = pair_up(samples, others, bench.splicer, settings.answers)
    written = Journal(place.resume / "written.jsonl", Written)
    said = {each.sample_id: each for each in written.records}
    asked, first = sum(pair.write for pair in pairs), len(said)
    new = write(pairs, set(said), untrained, trained, batch)
    for each in place.progress.track(new, label="write answers", unit="answers", total=asked, first=first):
        if each.sample_id not in said:
            written.keep(each)
            said[each.sample_id] = each
    kept = Journal(place.resume / "answers.jsonl", Answer)
    found = {answer.sample_id: answer for answer in kept.records}
    measured = measure(pairs, set(found), said, untrained, trained, batch)
    for answer in place.progress.track(measured, label="evaluate", unit="samples", total=len(pairs), first=len(found)):
        if answer.sample_id not in found:
            kept.keep(answer)
            found[answer.sample_id] = answer
    return [found[pair.sample.sample_id] for pair in pairs]


def _known(clips: Artifact, wanted: set[str]) -> list[Clip]:
    return [clip for clip in clips.read(Clip) if clip.clip_id in wanted]


def _scored(
    benchmark: Benchmark,
    entries: Mapping[str, Entry],
    said: Mapping[str, Mapping[str, Prediction]],
    settings: EvaluateModelSettings,
    folder: Path,
) -> dict[str, Result]:
    """Score the answers of each system, and write them in the benchmark's own form."""
    results = {}
    for system, predictions in said.items():
        material = Material(entries, predictions)
        results[system] = score(
            benchmark, material, None, post="as-it-is", seed=settings.seed, resamples=settings.resamples
        )
        write_result(folder / benchmark.name / system, benchmark, material, results[system])
    return results


def _report(
    answers: Sequence[Answer],
    clips: Mapping[str, Clip],
    on_sample: Mapping[str, Result],
    on_text: Mapping[str, Result],
    settings: EvaluateModelSettings,
) -> Report:
    def of(some: Sequence[Answer]) -> Scores:
        return score_answers(some, resamples=settings.resamples, seed=settings.seed)

    pooled = of(answers)
    domains = {d: of(some) for d in Domain if (some := [a for a in answers if a.domain is d])}
    return Report(
        figures={
            **figures_of_answers(pooled, domains),
            **(figures_of_sample(on_sample) if on_sample else {}),
            **(figures_of_text(on_text) if on_text else {}),
        },
        pooled=pooled,
        domains=domains,
        groups={name: of(some) for name, some in groups_of(answers, clips).items()},
    )


def _published(found: Findings, clips: Artifact, place: Workplace) -> Outcome:
    folder, count = place.draft.folder, len(found.answers)
    place.draft.write(found.answers, Answer)
    write_file(folder / "report.json", found.report.model_dump_json(indent=1) + "\n")
    write_page(folder / "report.html", found, clips)
    place.draft.attach(folder / "report.html")
    counts = Counts(rows_in=count, rows_out=count, refused={})
    return Outcome(counts=counts, facts=found.report.facts(), refusals=found.refusals)
