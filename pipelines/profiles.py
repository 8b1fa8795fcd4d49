"""Profiles: what a run is asked for, as functions that return typed, frozen arguments."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from components.core.contracts.errors import ConfigurationError
from components.core.models.store import ENCODER, LLM
from components.core.settings import Settings, checked
from components.core.stages import STAGES, Stage
from components.core.use import check_clips, check_corpora
from components.evaluate_model.settings import EvaluateModelSettings
from components.extract_metadata.settings import ExtractMetadataSettings
from components.ingest_audio.settings import IngestAudioSettings
from components.self_generate.settings import SelfGenerateSettings
from components.train_model.settings import TrainModelSettings
from components.validate_data.settings import ValidateDataSettings
from pipelines.publish.published import LATER, Published
from pipelines.sample_data import sample_corpora


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Everything that a run needs to be told: corpora, models, and the settings of each stage by its name.

    With `published` it starts from these accepted samples, and reads no corpora.
    """

    name: str
    corpora: tuple[Path, ...]
    encoder: str = ENCODER
    llm: str = LLM
    ingest_audio: IngestAudioSettings = field(default_factory=IngestAudioSettings)
    extract_metadata: ExtractMetadataSettings = field(default_factory=ExtractMetadataSettings)
    self_generate: SelfGenerateSettings = field(default_factory=SelfGenerateSettings)
    validate_data: ValidateDataSettings = field(default_factory=ValidateDataSettings)
    train_model: TrainModelSettings = field(default_factory=TrainModelSettings)
    evaluate_model: EvaluateModelSettings = field(default_factory=EvaluateModelSettings)
    published: Published | None = None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that the run goes through: those after the published dataset where it starts from one."""
        return LATER if self.published else STAGES

    def check_use(self) -> None:
        """Refuse what the model is meant for where the audio that it would learn from does not permit it.

        Raises:
            ConfigurationError: names every corpus that forbids it, and why.
            SourceError: a corpus cannot be read.
        """
        if self.published:
            check_clips(self.train_model.use, self.published.results["ingest_audio"])
        else:
            check_corpora(self.train_model.use, self.corpora)

    def settings(self, stage: str) -> Settings:
        """Return the settings of a stage."""
        found: Settings = getattr(self, stage)
        return found

    def parameters(self, data_revision: str) -> dict[str, Any]:
        """Return the arguments of the pipeline."""
        stages = {f"{s.name}_settings": self.settings(s.name).model_dump(mode="json") for s in self.stages}
        models = {"encoder": _from_anywhere(self.encoder), "llm": _from_anywhere(self.llm)}
        if self.published:
            return {**self.published.parameters, **models, **stages}
        corpora = [str(corpus.resolve()) for corpus in self.corpora]
        return {"corpora": corpora, "data_revision": data_revision, **models, **stages}


def _from_anywhere(reference: str) -> str:
    """Return a model reference that also holds in another working directory."""
    return reference if "://" in reference else str(Path(reference).resolve())


# Two cores train it to hear in minutes: a fourth of the vectors, and a third of the layers.
_SMALL_ADAPTER: Mapping[str, int] = {"queries": 16, "qformer_layers": 2}


def sample() -> Profile:
    """Return what `make run` runs: the whole sample corpora."""
    # Two questions a clip: some 800 answers take two cores about as long as all other stages but training together.
    two = SelfGenerateSettings(prompts_per_clip=2)
    return Profile(
        name="sample", corpora=sample_corpora(), self_generate=two, train_model=TrainModelSettings(**_SMALL_ADAPTER)
    )


# Of six steps nothing can be expected but that the answers without audio stay what they were.
_LENIENT = (
    "minimum.perplexity_drop.at_least=-1,minimum.audio_gain.above=-1,minimum.accuracy_over_untrained.above=-2,"
    "regression.min_shared=1"
)


def smoke() -> Profile:
    """Return a run of minutes, for tests: every stage works on a few clips, and the gate lets the model pass."""
    return replace(
        sample(),
        name="smoke",
        ingest_audio=IngestAudioSettings(max_clips=24),
        self_generate=SelfGenerateSettings(prompts_per_clip=2, max_tokens=32, batch=16),
        validate_data=ValidateDataSettings(thresholds="gates.min_acceptance=0.2", measured_answers=4),
        train_model=TrainModelSettings(
            **_SMALL_ADAPTER, steps=6, batch=4, warmup_steps=2, validation_samples=4, checkpoint_every=2
        ),
        evaluate_model=EvaluateModelSettings(
            max_samples=8,
            answers=4,
            answer_tokens=12,
            questions=12,
            text_questions=4,
            text_tokens=16,
            thresholds=_LENIENT,
        ),
    )


PROFILES: Mapping[str, Callable[[], Profile]] = {"smoke": smoke, "sample": sample}


def profile_named(name: str) -> Profile:
    """Return a profile by its name.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in PROFILES:
        raise ConfigurationError(f"profile {name}: no such profile; {_known(name, PROFILES)}")
    return PROFILES[name]()


def with_overrides(profile: Profile, overrides: Sequence[str]) -> Profile:
    """Change settings by lines such as `self_generate.max_tokens=48`.

    Raises:
        ConfigurationError: a line is not of that form, or names no stage or parameter, or the value is out of range.
    """
    changes: dict[str, dict[str, str]] = {}
    for line in overrides:
        place, given, value = line.partition("=")
        stage, dot, parameter = place.partition(".")
        if not (given and dot):
            raise ConfigurationError(f"--set {line}: want stage.parameter=value, such as train_model.steps=50")
        changes.setdefault(stage, {})[parameter] = value
    settings: dict[str, Any] = {stage: _changed(profile, stage, values) for stage, values in changes.items()}
    return replace(profile, **settings)


def _changed(profile: Profile, stage: str, values: Mapping[str, str]) -> Settings:
    """Check all values of a stage together, since some only fit together."""
    names = [s.name for s in STAGES]
    if stage not in names:
        raise ConfigurationError(f"{stage}.{next(iter(values))}: no stage {stage}; {_known(stage, names)}")
    settings = profile.settings(stage)
    known = type(settings).model_fields
    for parameter in values:
        if parameter not in known:
            raise ConfigurationError(f"{stage}.{parameter}: no such parameter; {_known(parameter, known)}")
    return checked(stage, type(settings), settings.with_changes(values))


def _known(wrong: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(wrong, names, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    return f"{meant}known: {', '.join(names)}"
