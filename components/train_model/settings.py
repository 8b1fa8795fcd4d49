"""What can be set when an adapter is trained."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from components.core.licences import Use
from components.core.settings import ONLY_HOW, Settings
from components.train_model.nodes import TrainerNodes

Place = Literal["none", "cpu", "nvme"]

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "desta": {},
    "upstream": {
        "queries": 64,
        "qformer_layers": 6,
        "mask_frames": False,
        "normalise": False,
        "feature_scale": 1.0,
        "query_scale": 1.0,
        "dropout": 0.1,
        "max_transcript_tokens": 100,
    },
}
"""What a preset sets; a setting that is given by name comes before it.

`desta` is the defaults: upstream's sizes, and so its number of parameters, with frames masked and features normalised.
"""
_OF_PRESETS = frozenset(name for preset in PRESETS.values() for name in preset)


class TrainModelSettings(Settings):
    """Architecture, optimisation and launch; the profiles `sample` and `smoke` train a smaller adapter than this."""

    preset: Annotated[Literal["desta", "upstream"], ONLY_HOW] = Field(
        "desta",
        description="form of the adapter where no setting says otherwise; upstream: 64 queries, 6 layers, no mask",
    )
    use: Use = Field(
        Use.RESEARCH, description="what the model is made for, research or commercial; its clips have to permit it"
    )
    steps: int = Field(150, ge=1, description="optimiser steps")
    batch: int = Field(
        8, ge=0, description="samples in a step, over all processes; 0 where batch_tokens cuts the steps"
    )
    batch_tokens: int = Field(
        0, ge=0, description="positions in a step, its samples times the longest of them; 0 where batch cuts the steps"
    )
    micro_batch: int = Field(
        0, ge=0, description="samples that a process computes at once, gradients add up; 0: its whole part of a step"
    )
    learning_rate: float = Field(5e-4, gt=0, description="peak learning rate of AdamW")
    warmup_steps: int = Field(10, ge=0, description="steps of linear warm-up before the cosine")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's weight decay")
    gradient_clip: float = Field(1.0, gt=0, description="largest norm of a step's gradient")
    max_loss: float = Field(20.0, gt=0, description="a step whose loss, nats a token, is higher ends the training")
    queries: int = Field(64, ge=1, description="audio vectors that the LLM sees for each clip")
    qformer_layers: int = Field(6, ge=1, description="layers of the shared Q-Former")
    tapped_layers: str = Field(
        "", description="encoder layers to listen to, such as 7,15,23,31, counted from 0; none: each quarter's last"
    )
    mask_frames: bool = Field(True, description="attend to the clip's own frames only (upstream: false)")
    normalise: bool = Field(True, description="normalise tapped features, without parameters (upstream: false)")
    feature_scale: float = Field(
        4.0, gt=0, description="standard deviation of normalised features; 1.0 where they are not normalised"
    )
    query_scale: float = Field(1.0, gt=0, description="standard deviation of the queries at the start")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout inside the Q-Former")
    lora_rank: int = Field(
        0, ge=0, description="rank of trained updates to the LLM's queries, keys and values (LoRA); 0: no updates"
    )
    lora_alpha: float = Field(16.0, gt=0, description="an update counts lora_alpha / lora_rank times")
    lora_dropout: float = Field(0.1, ge=0, lt=1, description="dropout before each update")
    max_transcript_tokens: int = Field(
        100, ge=0, description="transcript tokens beside the audio vectors; the rest is cut (0: none)"
    )
    window_tokens: int = Field(300, ge=1, description="longest sequence; a sample that does not fit stops the stage")
    keep_features: Annotated[bool, ONLY_HOW] = Field(
        True, description="keep the encoder's features on disk; false: hear each clip again in every step"
    )
    validate_every: int = Field(50, ge=1, description="steps between two looks at the validation split")
    validation_samples: int = Field(32, ge=0, description="samples of the validation split to look at")
    checkpoint_every: int = Field(10, ge=1, description="steps between two checkpoints")
    exported: Literal["last", "best"] = Field(
        "last", description="which weights become the model: the last step's, or those of the lowest validation loss"
    )
    zero_stage: int = Field(2, ge=0, le=3, description="DeepSpeed ZeRO stage")
    offload_optimizer: Place = Field(
        "none", description="where optimiser states wait: cpu (stages 1-3), nvme (stage 3)"
    )
    offload_parameters: Place = Field("none", description="where weights wait, the LLM's too: cpu, nvme (both stage 3)")
    nvme_path: str = Field("", description="folder on a fast disk for what is offloaded to nvme")
    processes: int = Field(1, ge=1, description="training processes on each machine")
    nodes: int = Field(1, ge=1, description="machines that train together; they share the home folder")
    rendezvous: Annotated[str, ONLY_HOW] = Field(
        "", description="HOST:PORT of the machine where the stage runs, by which the others find it"
    )
    launcher: Annotated[Literal["torchrun", "deepspeed", "trainer"], ONLY_HOW] = Field(
        "torchrun", description="what starts the processes; trainer: Kubeflow Trainer, in pods of their own"
    )
    trainer: Annotated[TrainerNodes, ONLY_HOW] = Field(
        default_factory=TrainerNodes, description="what Kubeflow Trainer's nodes are, as JSON; with launcher trainer"
    )
    seed: int = Field(42, ge=0, description="seed of initialisation, order and dropout")

    @property
    def world(self) -> int:
        """How many processes train together."""
        return self.nodes * self.processes

    @property
    def form(self) -> Mapping[str, Any]:
        """What decides an adapter beside the two models."""
        names = {"qformer_layers", "queries", "mask_frames", "normalise", "feature_scale", "query_scale", "dropout"}
        return {**self.model_dump(include=names), "init_seed": self.seed}

    @property
    def layers(self) -> tuple[int, ...] | None:
        """The encoder layers that are named; `None` where the encoder's depth decides."""
        return tuple(map(int, self.tapped_layers.split(","))) if self.tapped_layers else None

    def with_changes(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values with these changes; a preset takes the place of those of its settings."""
        said = super().with_changes(changes)
        aside = _OF_PRESETS - changes.keys() if "preset" in changes else frozenset()
        return {name: value for name, value in said.items() if name not in aside}

    @model_validator(mode="before")
    @classmethod
    def _begin_with_the_preset(cls, given: Any) -> Any:
        preset = given.get("preset") if isinstance(given, Mapping) else None
        return {**PRESETS[preset], **given} if isinstance(preset, str) and preset in PRESETS else given

    @field_validator("tapped_layers")
    @classmethod
    def _names_layers(cls, text: str) -> str:
        """Write layers in one way, so that the same layers make the same result."""
        words = [word.strip() for word in text.split(",")] if text.strip() else []
        numbers = [int(word) for word in words if word.isdecimal()]
        if len(numbers) < len(words) or numbers != sorted(set(numbers)):
            raise ValueError("want layers in rising order, such as 7,15,23,31")
        return ",".join(map(str, numbers))

    @model_validator(mode="after")
    def _only_normalised_features_are_scaled(self) -> Self:
        if not self.normalise and self.feature_scale != 1.0:
            raise ValueError(f"feature_scale {self.feature_scale}: features are not normalised, so it must be 1.0")
        return self

    @model_validator(mode="after")
    def _only_a_lora_has_a_form(self) -> Self:
        for name in ("lora_alpha", "lora_dropout"):
            value, default = getattr(self, name), type(self).model_fields[name].default
            if not self.lora_rank and value != default:
                raise ValueError(f"{name} {value}: there is no LoRA to have it; set lora_rank, such as 16, or leave it")
        return self

    @model_validator(mode="after")
    def _steps_are_cut_one_way(self) -> Self:
        if (self.batch > 0) == (self.batch_tokens > 0):
            raise ValueError(
                f"batch {self.batch} and batch_tokens {self.batch_tokens}: one of them cuts the steps, the other is 0"
            )
        if self.batch % self.world:
            raise ValueError(f"batch {self.batch} must be a multiple of the processes, {self.world} over all nodes")
        if self.batch and self.micro_batch > self.batch // self.world:
            raise ValueError(
                f"micro_batch {self.micro_batch} is more than a process has in a step, {self.batch // self.world}"
            )
        if 0 < self.batch_tokens < self.window_tokens:
            raise ValueError(f"batch_tokens {self.batch_tokens} must hold a sample, window_tokens {self.window_tokens}")
        return self

    @model_validator(mode="after")
    def _offloads_what_the_stage_can(self) -> Self:
        for name, place, lowest in (
            ("offload_optimizer", self.offload_optimizer, {"none": 0, "cpu": 1, "nvme": 3}),
            ("offload_parameters", self.offload_parameters, {"none": 0, "cpu": 3, "nvme": 3}),
        ):
            if self.zero_stage < lowest[place]:
                raise ValueError(f"{name} {place} needs zero_stage {lowest[place]}, which is {self.zero_stage}")
        if bool(self.nvme_path) != ("nvme" in (self.offload_optimizer, self.offload_parameters)):
            raise ValueError(
                f"nvme_path {self.nvme_path!r}: set it where something is offloaded to nvme, and only there"
            )
        return self

    @model_validator(mode="after")
    def _can_be_launched(self) -> Self:
        meets = self.nodes > 1 and self.launcher != "trainer"
        if meets != bool(self.rendezvous):
            raise ValueError(
                f"rendezvous {self.rendezvous!r}: set it with several nodes that torchrun starts, and only there "
                f"(nodes {self.nodes}, launcher {self.launcher})"
            )
        if self.nodes > 1 and self.launcher == "deepspeed":
            raise ValueError(
                f"launcher {self.launcher} starts processes on one machine: several nodes need torchrun or trainer"
            )
        return self

    @model_validator(mode="after")
    def _trainer_has_nodes(self) -> Self:
        if self.launcher == "trainer" and self.nodes == 1:
            raise ValueError("launcher trainer makes pods for several nodes; one node trains in the stage's own pod")
        if self.launcher != "trainer" and self.trainer != TrainerNodes():
            raise ValueError(f"trainer is for launcher trainer; with launcher {self.launcher} leave it")
        return self

    @model_validator(mode="after")
    def _best_is_known(self) -> Self:
        if self.exported == "best" and not self.validation_samples:
            raise ValueError("exported best needs validation_samples, which is 0")
        return self
