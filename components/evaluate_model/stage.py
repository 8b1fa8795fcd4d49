"""Measure a trained model on clips it has never heard, and decide whether it may be registered."""

import sys
from collections.abc import Sequence
from pathlib import Path

from components.core.contracts.artifacts import Artifact, Counts
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Answer, Domain, Sample
from components.core.execution import Outcome, Workplace
from components.core.models.adapter import Adapter, untrained_adapter
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.encoder import encoder_for, hearing_for
from components.core.models.features import KeptFeatures
from components.core.models.loading import best_device, load_llm, load_tokenizer
from components.core.models.model_artifact import ModelConfig, load_adapter, read_config
from components.core.models.splice import Splicer
from components.core.models.store import StoredModel
from components.core.publishing import write_file
from components.evaluate_model.gate import refusals
from components.evaluate_model.held_out import choose_samples, wrong_clips
from components.evaluate_model.measure import Listener, measure, pair_up, write
from components.evaluate_model.report import Report, as_markdown
from components.evaluate_model.scores import Scores, score
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
    folder = inputs["model"].folder
    config = read_config(folder)
    _check_belongs(config, encoder, llm)
    samples = choose_samples(inputs["accepted"].read(Sample), settings.max_samples, settings.seed)
    others = wrong_clips(samples, settings.seed)
    device, dtype = best_device()
    features = KeptFeatures(features_root, hearing_for(config.adapter, encoder.digest, device))
    wanted = {sample.clip_id for sample in (*samples, *others)}
    print(f"evaluate_model: {features.room(inputs['clips'], wanted, config.adapter.encoder_width)}", file=sys.stderr)
    features.complete(
        inputs["clips"], wanted, lambda: encoder_for(config.adapter, encoder.folder, device), place.progress
    )
    tokenizer = load_tokenizer(llm.folder)
    backbone = load_llm(llm.folder, dtype).to(device)

    def listener(adapter: Adapter) -> Listener:
        model = AudioLanguageModel(adapter.to(device=device, dtype=dtype), backbone).eval()
        return Listener(model, features, tokenizer, settings.answer_tokens, device)

    pairs = pair_up(samples, others, Splicer(tokenizer, config.max_transcript_tokens), settings.answers)
    untrained, trained = listener(untrained_adapter(config.adapter)), listener(load_adapter(folder, config))
    said = write(pairs, untrained, trained, settings.batch)
    asked = sum(pair.write for pair in pairs)
    written = dict(place.progress.track(said, label="write answers", unit="answers", total=asked))
    measured = measure(pairs, written, untrained, trained, settings.batch)
    answers = list(place.progress.track(measured, label="evaluate", unit="samples", total=len(pairs)))
    return _publish(answers, settings, place)


def _check_belongs(config: ModelConfig, encoder: StoredModel, llm: StoredModel) -> None:
    for part, wanted, found in (("encoder", config.encoder, encoder.digest), ("llm", config.llm, llm.digest)):
        if wanted != found:
            raise ContractError(
                f"evaluate_model: the model was trained with {part} {wanted[:12]}, got {found[:12]}; "
                f"name the same {part}"
            )


def _publish(answers: Sequence[Answer], settings: EvaluateModelSettings, place: Workplace) -> Outcome:
    def of(some: Sequence[Answer]) -> Scores:
        return score(some, resamples=settings.resamples, seed=settings.seed)

    report = Report(
        pooled=of(answers),
        domains={d: of(some) for d in Domain if (some := [a for a in answers if a.domain is d])},
        wrong_within=of(some) if (some := [a for a in answers if a.domain is a.wrong_domain]) else None,
        wrong_across=of(some) if (some := [a for a in answers if a.domain is not a.wrong_domain]) else None,
    )
    lines = refusals(report.pooled, settings)
    place.draft.write(answers, Answer)
    write_file(place.draft.folder / "report.json", report.model_dump_json(indent=1) + "\n")
    write_file(place.draft.folder / "report.md", as_markdown(report, answers, lines))
    counts = Counts(rows_in=len(answers), rows_out=len(answers), refused={})
    return Outcome(counts=counts, facts=report.facts(), refusals=lines)
