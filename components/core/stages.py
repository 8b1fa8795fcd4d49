"""The six stages and what flows between them: the one place that names them."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage by name, the artifacts it reads, the models it uses, and the one artifact that it writes.

    `inputs` maps the stage's own word for an input to the stage that makes it.
    `stops` tells whether a gate that this stage does not pass ends the run here.
    `part` is which shard of the stage this is, where it is one.
    """

    name: str
    output: str
    inputs: dict[str, str]
    models: tuple[str, ...] = ()
    reads_corpora: bool = False
    stops: bool = False
    part: int | None = None


STAGES = (
    Stage(name="ingest_audio", output="clips", inputs={}, reads_corpora=True),
    Stage(name="extract_metadata", output="descriptions", inputs={"clips": "ingest_audio"}, models=("encoder",)),
    Stage(name="self_generate", output="samples", inputs={"descriptions": "extract_metadata"}, models=("llm",)),
    Stage(
        name="validate_data",
        output="accepted",
        inputs={"samples": "self_generate", "clips": "ingest_audio"},
        models=("llm",),
        stops=True,
    ),
    Stage(
        name="train_model",
        output="model",
        inputs={"accepted": "validate_data", "clips": "ingest_audio"},
        models=("encoder", "llm"),
    ),
    Stage(
        name="evaluate_model",
        output="report",
        inputs={"model": "train_model", "accepted": "validate_data", "clips": "ingest_audio"},
        models=("encoder", "llm"),
    ),
)


def stage_named(name: str) -> Stage:
    """Return the stage of that name."""
    return next(stage for stage in STAGES if stage.name == name)
