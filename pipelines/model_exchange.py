"""Trained adapters from upstream's form into ours, and back."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from components.core.contracts.artifacts import Counts, Draft, Lineage
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Record
from components.core.digests import code_digest, digest_of, digest_of_file
from components.core.home import Home
from components.core.inference.choosing import chosen_model, frozen_models
from components.core.models.known_models import config_of
from components.core.models.loading import load_tokenizer
from components.core.models.model_artifact import (
    Imported,
    ModelConfig,
    load_adapter,
    read_config,
    save_model,
    weights_digest,
)
from components.core.models.references import Origin, parse_reference
from components.core.models.store import StoredModel, identity_of, open_model, portable_ref
from components.core.models.upstream_checkpoint import (
    CONFIG,
    WEIGHTS,
    adapter_of,
    read_upstream_adapter,
    read_upstream_config,
    upstream_config,
    write_upstream,
)
from pipelines.journal import Event, telling
from pipelines.new_folder import check_new, new_folder

STAGE = "model_import"
TRANSCRIPT_TOKENS = 100  # where upstream's training cuts a transcript
# Tokens that tokenizers have and texts do not: those of upstream's own configurations, and one of SmolLM2's.
PLACEHOLDERS = ("<|reserved_special_token_87|>", "<|video_pad|>", "<file_sep>")


class Exchanged(Record):
    """A folder that was written, the adapter in it, and the two models that it names."""

    folder: str
    parameters: int
    encoder: str
    llm: str
    upstream_encoder: str
    upstream_llm: str

    def __str__(self) -> str:
        return (
            f"{self.folder}: {self.parameters:,} trained parameters\n"
            f"here     {self.encoder} and {self.llm}\n"
            f"upstream {self.upstream_encoder} and {self.upstream_llm}\n"
            "that these are the same models is for you to know: the files do not prove it"
        )


def import_model(source: Path, encoder_ref: str, llm_ref: str, to: Path, home: Home) -> Exchanged:
    """Write a model of ours from a folder of upstream's, to stand between two models of the store.

    Raises:
        ConfigurationError: `to` exists, a model is not in the store, or the encoder is of another size.
        SourceError: the folder is no whole adapter of upstream's, or `to` cannot be written.
        ContractError: a model of the store is damaged.
    """
    check_new(to)
    upstream = read_upstream_config(source)
    encoder, llm = open_model(encoder_ref, home.models), open_model(llm_ref, home.models)
    sizes, llm_sizes = (config_of(str(model.folder), home.models) for model in (encoder, llm))
    adapter = read_upstream_adapter(source, adapter_of(upstream, sizes, llm_sizes))
    config = ModelConfig(
        adapter=adapter.config,
        max_transcript_tokens=TRANSCRIPT_TOKENS,
        encoder=encoder.digest,
        llm=llm.digest,
        backbone=identity_of(llm, "transformers", version("transformers"), "float32"),
        accepted=None,
        steps=0,
        encoder_ref=portable_ref(encoder.folder),
        llm_ref=portable_ref(llm.folder),
        imported=Imported(
            files={name: digest_of_file(source / name) for name in (CONFIG, WEIGHTS)},
            encoder_model_id=upstream.encoder_model_id,
            llm_model_id=upstream.llm_model_id,
        ),
    )
    with new_folder(to) as folder:
        save_model(folder, adapter, config)
        _close(folder, config)
    return Exchanged(
        folder=str(to),
        parameters=sum(parameter.numel() for parameter in adapter.parameters()),
        encoder=encoder.ref,
        llm=llm.ref,
        upstream_encoder=upstream.encoder_model_id,
        upstream_llm=upstream.llm_model_id,
    )


def export_model(model: str | None, to: Path, names: Mapping[str, str | None], home: Home) -> Exchanged:
    """Write a model of ours, the newest by default, as a folder that upstream's `from_pretrained` loads.

    `names` may have `encoder_id`, `llm_id` and `placeholder_token`; without the ids those of the hub references count
    by which the store got the two models.

    Raises:
        ConfigurationError: `to` exists, there is no such model, upstream's form has no words for it, or a name is
            needed that is not given.
        ContractError: the model, one of the two beside it, or the journal is damaged.
        SourceError: `to` cannot be written.
    """
    check_new(to)
    folder = chosen_model(model, home)
    config = read_config(folder)
    if config.lora:
        raise ConfigurationError(
            f"{folder}: trained with LoRA (rank {config.lora.rank}), and under which names upstream reads one is not "
            "known here; export a model that was trained with lora_rank 0"
        )
    encoder, llm = frozen_models(folder, config, home.models)
    said = upstream_config(
        config.adapter,
        names.get("encoder_id") or _hub_id(encoder, "encoder"),
        names.get("llm_id") or _hub_id(llm, "llm"),
        _placeholder(llm, names.get("placeholder_token")),
    )
    adapter = load_adapter(folder, config)
    facts = {"model": weights_digest(folder), "format": "upstream", "folder": str(to.absolute())}
    with telling(home, Event.EXPORT_STARTED, Event.EXPORTED, facts), new_folder(to) as draft:
        write_upstream(draft, adapter, said)
    return Exchanged(
        folder=str(to),
        parameters=sum(parameter.numel() for parameter in adapter.parameters()),
        encoder=encoder.ref,
        llm=llm.ref,
        upstream_encoder=said.encoder_model_id,
        upstream_llm=said.llm_model_id,
    )


def _close(folder: Path, config: ModelConfig) -> None:
    """Make the folder an artifact such as `train_model` writes, for the stages that read one."""
    models = {"encoder": config.encoder, "llm": config.llm}
    sources = dict(config.imported.files) if config.imported else {}
    code = code_digest("components.core", "pipelines")
    lineage = Lineage(
        stage=STAGE,
        key=digest_of({"stage": STAGE, "code": code, "models": models, "sources": sources}),
        code=code,
        settings={},
        inputs={},
        models=models,
        sources=sources,
    )
    counts = Counts(rows_in=0, rows_out=0, refused={})
    Draft(folder).close(kind="model", counts=counts, facts={"steps": config.steps}, lineage=lineage)


def _hub_id(model: StoredModel, part: str) -> str:
    # A folder's reference is not looked at further: it may be gone, and has no id either way.
    if "://" in model.ref and (reference := parse_reference(model.ref)).origin is Origin.HUB:
        return reference.name
    raise ConfigurationError(
        f"--{part}-id: the model's {part} came from {model.ref}, which is no repository of a hub; "
        "name the one that upstream is to load, as org/name"
    )


def _placeholder(llm: StoredModel, asked: str | None) -> str:
    """Return a token whose place the vectors take; upstream demands that it is one token."""
    tokenizer = load_tokenizer(llm.folder)
    for token in (asked,) if asked else PLACEHOLDERS:
        if len(tokenizer.tokenize(token)) == 1:
            return token
    wrong = f"{asked} is not one token" if asked else "no such token is known"
    raise ConfigurationError(f"--placeholder-token: {wrong} of {llm.ref}; name a single one that no text has")
