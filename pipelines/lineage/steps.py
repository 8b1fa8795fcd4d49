"""The steps that rows and results become, each with what is known of it and its neighbours."""

from collections.abc import Mapping
from typing import Any

from components.core.contracts.records import Clip, Description, RefusedSample, Sample, Source
from pipelines.lineage.catalogue import Catalogue, Content, Published, Run
from pipelines.lineage.nodes import Kind, Ref, Step

KIND_OF = {
    "clips": Kind.DATASET,
    "descriptions": Kind.DATASET,
    "samples": Kind.DATASET,
    "accepted": Kind.DATASET,
    "model": Kind.MODEL,
    "report": Kind.EVALUATION,
}


def of_file(source: Source, clip_ids: tuple[str, ...]) -> Step:
    """Tell of an audio file, whose digest is its id."""
    facts = {"corpus": source.corpus, "path": source.path, "recording": source.source_id}
    return Step(kind=Kind.FILE, id=source.sha256, facts=facts, led_to=refs(Kind.CLIP, clip_ids))


def of_clip(clip: Clip, results: tuple[str, ...], sample_ids: tuple[str, ...]) -> Step:
    """Tell of a clip; `results` are those it is a row of."""
    facts = {
        "file": f"{clip.source.corpus}/{clip.source.path}",
        "offset_s": clip.source.offset_s,
        "duration_s": clip.duration_s,
        "domain": clip.domain.value,
        "split": clip.split.value,
        "licence": clip.licence,
        "speaker": clip.speaker_id,
        "speakers of segments": sorted({s.speaker_id for s in clip.segments if s.speaker_id}) or None,
        "language": clip.language,
    }
    made_from = (Ref(kind=Kind.FILE, id=clip.source.sha256),)
    led_to = (*refs(Kind.DATASET, results), *refs(Kind.SAMPLE, sample_ids))
    return Step(kind=Kind.CLIP, id=clip.clip_id, facts=facts, made_from=made_from, led_to=led_to)


def of_description(description: Description, sample_ids: tuple[str, ...]) -> Step:
    """Tell what was said of a clip, and of everything who said it."""
    facts = {
        "transcript": description.transcript,
        "transcript by": description.transcript_by,
        "attributes": _who_told(description.attributes, description.told_by),
        "segments": {
            f"{part.start_s:g} to {part.end_s:g} s": {
                "transcript": part.transcript,
                "transcript by": part.transcript_by,
                **_who_told(part.attributes, part.told_by),
            }
            for part in description.segments
        }
        or None,
        "measured by": description.measurements.tools,
        "said to the generator": description.seed_description,
    }
    return Step(
        kind=Kind.DESCRIPTION,
        id=description.clip_id,
        facts=facts,
        made_from=(Ref(kind=Kind.CLIP, id=description.clip_id),),
        led_to=refs(Kind.SAMPLE, sample_ids),
    )


def of_prompt(sample: Sample, pools: Mapping[str, Any]) -> Step:
    """Tell what was asked; `pools` are the versions and digests of the pools that the samples were made with."""
    pool = pools.get(sample.domain.value, {})
    facts = {
        "text": sample.prompt,
        "pool": sample.domain.value,
        **{f"pool {name}": pool[name] for name in sorted(pool)},
    }
    missing = None if pool else "which pool it was in: the samples that say so are not in this home"
    ref = Ref(kind=Kind.SAMPLE, id=sample.sample_id)
    return Step(kind=Kind.PROMPT, id=sample.prompt_id, facts=facts, led_to=(ref,), missing=missing)


def of_generator(sample: Sample, models: tuple[str, ...]) -> Step:
    """Tell who answered and how; `models` are the digests of its model in the store."""
    facts = {**sample.generator.model_dump(), "decoding": sample.decoding.model_dump()}
    return Step(
        kind=Kind.GENERATOR,
        id=sample.generator.weights,
        facts=facts,
        made_from=refs(Kind.FROZEN_MODEL, models),
        led_to=(Ref(kind=Kind.SAMPLE, id=sample.sample_id),),
    )


def of_sample(sample: Sample, results: tuple[str, ...]) -> Step:
    """Tell of a question and its answer; `results` are those it is a row of, accepted or refused."""
    facts = {
        "split": sample.split.value,
        "question": sample.prompt,
        "answer": sample.response,
        "finish_reason": sample.finish_reason,
        "response_tokens": sample.response_tokens,
        "nll_per_token": sample.nll_per_token,
    }
    made_from = (
        Ref(kind=Kind.DESCRIPTION, id=sample.clip_id),
        Ref(kind=Kind.PROMPT, id=sample.prompt_id),
        Ref(kind=Kind.GENERATOR, id=sample.generator.weights),
    )
    return Step(
        kind=Kind.SAMPLE, id=sample.sample_id, facts=facts, made_from=made_from, led_to=refs(Kind.DATASET, results)
    )


def of_verdict(sample_id: str, dataset: Content, refused: RefusedSample | None) -> Step:
    """Tell whether a sample was accepted, by which policy, and what the gates said of all of them."""
    manifest = dataset.manifest
    facts = {
        "verdict": "refused" if refused else "accepted",
        "reason": refused.reason.value if refused else None,
        "detail": refused.detail if refused else None,
        "policy": manifest.facts.get("policy"),
        "gates": manifest.lineage.settings.get("policy", {}).get("gates"),
        "gates refused": manifest.facts.get("refusals") or None,
    }
    return Step(
        kind=Kind.VERDICT,
        id=f"{dataset.digest[:12]}/{sample_id}",
        facts=facts,
        made_from=(Ref(kind=Kind.SAMPLE, id=sample_id),),
        led_to=() if refused else (Ref(kind=Kind.DATASET, id=dataset.digest),),
    )


def of_content(content: Content, catalogue: Catalogue, **more: Any) -> Step:
    """Tell of a result, and what it was made from and used for."""
    manifest = content.manifest
    facts = {
        "holds": content.kind,
        **more,
        "stage": manifest.lineage.stage,
        "keys": [each.manifest.lineage.key for each in content.results],
        "code": manifest.lineage.code,
        "rows": manifest.counts.rows_out,
        "refused": manifest.counts.refused or None,
        **{name: manifest.facts[name] for name in _TOLD if name in manifest.facts},
        "folders": [str(each.folder) for each in content.results],
    }
    lineages = [each.manifest.lineage for each in content.results]
    made_from = [ref_of(word, digest) for each in lineages for word, digest in each.inputs.items()]
    made_from += [Ref(kind=Kind.FROZEN_MODEL, id=digest) for each in lineages for digest in each.models.values()]
    led_to = [ref_of(each.kind, each.digest) for each in catalogue.made_from(content.digest)]
    led_to += refs(
        Kind.PUBLISHED, tuple(p.record.name for p in catalogue.published if content.digest in p.record.content)
    )
    return Step(
        kind=KIND_OF[content.kind],
        id=content.digest,
        facts=facts,
        made_from=tuple(dict.fromkeys(made_from)),
        led_to=tuple(dict.fromkeys(led_to)),
    )


_TOLD = (
    "prompt_pools",
    "acceptance",
    "steps",
    "validation_loss",
    "ppl_untrained",
    "ppl_trained",
    "audio_gain",
    "accuracy",
)
"""Facts of results that a reader of lineage looks for."""


def of_absent(kind: str, digest: str) -> Step:
    """Tell that a result is named and not here."""
    missing = f"no result of this digest ({kind}) is in this home or published here"
    return Step(kind=KIND_OF[kind], id=digest, missing=missing)


def of_run(run: Run) -> Step:
    """Tell of a run and of what came of it."""
    record, tracking = run.record, run.tracking
    facts = {
        "profile": record.profile,
        "state": record.state.value,
        "data_revision": record.data_revision,
        "code_version": record.code_version,
        "mlflow_run_id": tracking.mlflow_run_id if tracking else None,
        "made": sorted(run.outputs.keys() - run.reused) or None,
        "reused": sorted(run.reused) or None,
    }
    led_to = tuple(ref_of(kind, digest) for kind, digest in run.outputs.items())
    return Step(kind=Kind.RUN, id=record.run_id, facts=facts, led_to=led_to)


def of_published(published: Published) -> Step:
    """Tell of a published dataset."""
    record = published.record
    facts = {**record.model_dump(exclude={"name"}), "folder": str(published.folder)}
    made_from = (
        ref_of("accepted", record.accepted),
        ref_of("clips", record.clips),
        Ref(kind=Kind.RUN, id=record.run_id),
    )
    return Step(kind=Kind.PUBLISHED, id=record.name, facts=facts, made_from=made_from)


def ref_of(kind: str, digest: str) -> Ref:
    """Name a result by the word that stages have for it."""
    return Ref(kind=KIND_OF[kind], id=digest)


def refs(kind: Kind, ids: tuple[str, ...]) -> tuple[Ref, ...]:
    """Name neighbours of one kind."""
    return tuple(Ref(kind=kind, id=each) for each in ids)


def _who_told(attributes: Mapping[str, str], told_by: Mapping[str, str]) -> dict[str, str]:
    return {name: f"{value} ({told_by[name]})" for name, value in sorted(attributes.items())}
