"""The card of a trained model: what it is made of, what it learned from, how, and what came of it.

It follows from the same things as the weights: no clock and no folder of this machine enters it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from components.core.cards import (
    CITATION,
    PAPER_ID,
    TASK,
    cell,
    dataset_name,
    front_matter,
    language_codes,
    licence_entries,
    table,
    terms_of_use,
)
from components.core.contracts.records import Split
from components.core.models.model_artifact import ModelConfig
from components.core.models.references import hub_repository
from components.core.models.store import ModelManifest
from components.core.settings import flat
from components.train_model.learned_from import LearnedFrom

_LIBRARIES = ("torch", "transformers", "deepspeed")
_MOST_ROWS = 12

_LIMITS = """\
- It is of use only with these two frozen models, byte for byte; others are refused.
- It learned to give the answers that the LLM gave to *descriptions* of the clips: what the descriptions do not tell, or
  tell wrongly, it was not taught. Rules judged these answers, people did not.
- It was taught on the corpora and languages above; how it hears others is not known.
- A falling loss does not show that it hears: a model can learn the manner of the answers alone. What hearing the right
  clip is worth is measured by `evaluate_model`, whose report names this model by its digest.
- What the LLM says wrongly without audio, it can say with audio too."""

_LOADING = """\
```python
from components.core.inference.desta_model import DestaModel

model = DestaModel.from_pretrained("this folder")
(answer,) = model.generate(
    [{"role": "user", "content": "What do you hear? <|AUDIO|>", "audios": [{"audio": "clip.wav"}]}]
)
print(answer.text)
```

`adapter.safetensors` holds the trained weights under upstream's names, `config.json` what they belong to,
`training.jsonl` a line for each step."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """All that a card tells; `steps` are the lines of the training, in their order."""

    config: ModelConfig
    encoder: ModelManifest
    llm: ModelManifest
    data: LearnedFrom
    settings: Mapping[str, Any]
    code: str
    parameters: int
    steps: Sequence[Mapping[str, float]]

    @property
    def names(self) -> tuple[str, str]:
        """What encoder and language model are called: those that only a folder had have no name but their digest."""
        config = self.config
        return config.encoder_ref or f"model {config.encoder[:12]}", config.llm_ref or f"model {config.llm[:12]}"

    @property
    def validation_loss(self) -> float | None:
        """The loss on the validation split, nats a token, of the weights that became the model."""
        done = next((row for row in self.steps if row["step"] + 1 == self.config.steps), {})
        return done.get("validation_loss")


def model_card(training: Training) -> str:
    """Write the card, with the header by which the Hub files a model."""
    encoder, llm = training.names
    sections = {
        "Parts": "\n\n".join(_parts(training)),
        "Data": "\n\n".join(_data(training.data)),
        "Terms": _terms(training),
        "Training": "\n\n".join(_training(training)),
        "Results": "\n\n".join(_results(training)),
        "Limits": _LIMITS,
        "Load it": _LOADING,
        "Citation": f"```bibtex\n{CITATION}\n```",
    }
    body = "\n\n".join(f"## {title}\n{text}" for title, text in sections.items())
    trained, let = ("An adapter and a LoRA", "let") if training.config.lora else ("An adapter", "lets")
    summary = (
        f"{trained} of {training.parameters:,} trained parameters that {let} the frozen language model {llm} hear "
        f"through the frozen audio encoder {encoder}, trained by the recipe of DeSTA2.5-Audio (arXiv:{PAPER_ID}): the "
        "language model's own answers to descriptions of clips are what it learned to give to their sound."
    )
    return f"{_header(training)}# {llm} hears with {encoder}\n\n{summary}\n\n{body}\n"


def _header(training: Training) -> str:
    data, licences = training.data, {training.encoder.licence, training.llm.licence}
    languages, kinds = language_codes(data.languages), ["adapter", "lora"] if training.config.lora else ["adapter"]
    base_models = [repository for name in reversed(training.names) if (repository := hub_repository(name))]
    values = {
        **licence_entries(data.licences | licences, "by-part"),
        **({"language": languages} if languages else {}),
        **({"base_model": base_models, "base_model_relation": "adapter"} if base_models else {}),
        "datasets": [dataset_name(data.accepted)],
        "library_name": "desta",
        "pipeline_tag": TASK,
        "tags": ["audio", *kinds, "self-generated", f"arxiv:{PAPER_ID}"],
        **(_measured(training, loss) if (loss := training.validation_loss) is not None else {}),
    }
    return front_matter(values)


def _measured(training: Training, loss: float) -> dict[str, Any]:
    dataset = {"type": dataset_name(training.data.accepted), "name": "accepted samples", "split": "validation"}
    metric = {"type": "perplexity", "name": "perplexity of the language model's answers", "value": _perplexity(loss)}
    result = {"task": {"type": TASK}, "dataset": dataset, "metrics": [metric]}
    return {"metrics": ["perplexity"], "model-index": [{"name": "adapter", "results": [result]}]}


def _perplexity(loss: float) -> float:
    return round(math.exp(loss), 3)


def _parts(training: Training) -> Iterator[str]:
    config, (encoder, llm) = training.config, training.names
    named = (
        ("audio encoder, frozen", encoder, config.encoder, training.encoder.licence),
        ("language model, frozen", llm, config.llm, training.llm.licence),
    )
    yield table(("part", "name", "digest", "licence"), ((a, b, f"`{c}`", cell(d)) for a, b, c, d in named))
    adapter, backbone = config.adapter, config.backbone
    layers = ", ".join(map(str, adapter.tapped_layers))
    yield (
        f"The adapter attends to layers {layers} of the encoder with {adapter.queries} queries and "
        f"{adapter.qformer_layers} Q-Former layers; each clip becomes {adapter.queries} vectors beside at most "
        f"{config.max_transcript_tokens} tokens of its transcript. Identity of the language model: weights "
        f"`{backbone.weights}`, tokenizer `{backbone.tokenizer}`, template `{backbone.chat_template}`."
    )
    if lora := config.lora:
        yield (
            "With the adapter a LoRA was trained: low-rank updates of the language model's queries, keys and values, "
            f"rank {lora.rank}, alpha {lora.alpha:g}, dropout {lora.dropout:g}. They stand in `lora.safetensors`; the "
            "language model's own weights are as they were. They count in every answer, so that without audio too it "
            "is not the language model's own: what it forgot has to be measured."
        )


def _data(data: LearnedFrom) -> Iterator[str]:
    counts = ", ".join(f"{data.samples(split)} {split.value}" for split in Split)
    yield (
        f"Accepted samples `{data.accepted}`, by split: {counts}. It learned from the train split, the validation "
        "split was looked at in between, the evaluation split was kept from it."
    )
    rows = (
        (cell(name), cell(", ".join(sorted(part.licences)) or "none heard"), *(part.samples[split] for split in Split))
        for name, part in data.corpora.items()
    )
    yield table(("corpus", "licences", *(split.value for split in Split)), rows)
    named = [
        f"- {name}: {' '.join(part.attribution.split())}" for name, part in data.corpora.items() if part.attribution
    ]
    if named:
        yield "The corpora ask to name:"
        yield "\n".join(named)


def _terms(training: Training) -> str:
    """Say what the recordings ask that it learned from; those of the two frozen models stand with the parts."""
    consents = {name: part.consent for name, part in training.data.corpora.items() if part.consent}
    return terms_of_use(training.settings["use"], training.data.licences, consents)


def _training(training: Training) -> Iterator[str]:
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    settings, taken = training.settings, training.config.steps
    yield (
        f"{settings['steps']} steps, seed {settings['seed']}; the weights are those after step {taken}. "
        f"Code `{training.code}`; {libraries}."
    )
    yield table(("setting", "value"), ((f"`{name}`", cell(str(value))) for name, value in flat(settings)))


def _results(training: Training) -> Iterator[str]:
    step, loss = training.config.steps, training.validation_loss
    if loss is None:
        yield f"The validation split was not looked at after step {step}."
    else:
        yield f"After step {step}: validation loss {loss:.4f} nats a token, perplexity {_perplexity(loss):.3f}."
    yield table(("after step", "training loss since the row before", "validation loss"), _curve(training.steps))
    yield "Losses are means over the tokens of the answers, in nats; `loss.png` shows every step."


def _curve(steps: Sequence[Mapping[str, float]]) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each look at the validation split, for some of them where there are many, and for the end."""
    ends = sorted({at for at, row in enumerate(steps) if "validation_loss" in row} | {len(steps) - 1})
    shown = ends[:: math.ceil(len(ends) / _MOST_ROWS)]
    begin = 0
    for end in sorted({*shown, ends[-1]}):
        losses = [row["loss"] for row in steps[begin : end + 1]]
        seen = steps[end].get("validation_loss")
        yield int(steps[end]["step"]) + 1, f"{sum(losses) / len(losses):.4f}", "" if seen is None else f"{seen:.4f}"
        begin = end + 1
