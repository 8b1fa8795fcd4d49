"""The graph: data.dvc → clips → descriptions → samples → accepted samples → model → report.

The gate is data, not control flow: training reads only what validation accepted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kfp import compiler, dsl

from components.core.contracts.errors import ConfigurationError, SourceError
from components.evaluate_model.component import evaluate_model
from components.extract_metadata.component import extract_metadata
from components.ingest_audio.component import ingest_audio
from components.self_generate.component import self_generate
from components.train_model.component import train_model
from components.validate_data.component import validate_data
from pipelines.images.compiled import with_images
from pipelines.images.records import Image


def alignment_with(self_generate: Any) -> Any:
    """Return the graph with this component as its third stage: the whole of it, or a pipeline of shards."""

    @dsl.pipeline(name="alignment", description="Self-generated cross-modal alignment of an audio encoder and an LLM.")
    def alignment(  # noqa: PLR0913 (KFP takes every parameter as an argument)
        corpora: list,
        data_revision: str,
        encoder: str,
        llm: str,
        ingest_audio_settings: dict,
        extract_metadata_settings: dict,
        self_generate_settings: dict,
        validate_data_settings: dict,
        train_model_settings: dict,
        evaluate_model_settings: dict,
    ) -> None:
        """Make a model that hears from corpora of audio, and measure whether it does."""
        clips = ingest_audio(corpora=corpora, data_revision=data_revision, settings=ingest_audio_settings).output
        descriptions = extract_metadata(clips=clips, encoder=encoder, settings=extract_metadata_settings).output
        samples = self_generate(descriptions=descriptions, llm=llm, settings=self_generate_settings).output
        accepted = validate_data(samples=samples, clips=clips, llm=llm, settings=validate_data_settings).output
        model = train_model(
            accepted=accepted, clips=clips, encoder=encoder, llm=llm, settings=train_model_settings
        ).output
        evaluate_model(
            model=model, accepted=accepted, clips=clips, encoder=encoder, llm=llm, settings=evaluate_model_settings
        )

    return alignment


alignment = alignment_with(self_generate)


@dsl.pipeline(name="alignment-from-published", description="The same from accepted samples that were published.")
def alignment_from_published(
    accepted: str, clips: str, encoder: str, llm: str, train_model_settings: dict, evaluate_model_settings: dict
) -> None:
    """Make a model that hears from accepted samples and clips at these places, and measure whether it does."""
    samples = dsl.importer(artifact_uri=accepted, artifact_class=dsl.Dataset).output
    heard = dsl.importer(artifact_uri=clips, artifact_class=dsl.Dataset).output
    model = train_model(accepted=samples, clips=heard, encoder=encoder, llm=llm, settings=train_model_settings).output
    evaluate_model(
        model=model, accepted=samples, clips=heard, encoder=encoder, llm=llm, settings=evaluate_model_settings
    )


def compile_alignment(file: Path, *, from_published: bool = False, images: Mapping[str, Image] | None = None) -> None:
    """Write a graph as IR YAML, the form that both this machine and a cluster run, with these images of its stages.

    Raises:
        ConfigurationError: the file's name does not end as Kubeflow wants it.
        SourceError: the file cannot be written.
    """
    graph = alignment_from_published if from_published else alignment
    write_compiled(with_images(graph, images or {}), file)


def write_compiled(graph: Any, file: Path, **options: Any) -> None:
    """Compile a graph into a file; see `compile_alignment` for what is raised, and Kubeflow's compiler for options."""
    if file.suffix not in {".yaml", ".yml"}:
        raise ConfigurationError(f"{file}: want a name that ends in .yaml or .yml")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        compiler.Compiler().compile(graph, str(file), **options)
    except OSError as error:
        raise SourceError(f"{file}: cannot be written: {error.strerror or error}; name another place") from error
