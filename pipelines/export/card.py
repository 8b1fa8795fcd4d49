"""The card of an exported dataset: what it is, how it was made, under which licences, and what it cannot do."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.core.cards import (
    CITATION,
    PAPER_ID,
    TASK,
    cell,
    front_matter,
    language_codes,
    licence_entries,
    table,
    terms_of_use,
)
from components.core.contracts.records import Decoding, GeneratorIdentity
from pipelines.export.dataset import Dataset
from pipelines.export.huggingface import COLUMNS, shards_of
from pipelines.export.rollup import Rollup

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_LARGER = "10M<n<100M"

_LIMITS = """\
- The answers follow from descriptions and not from hearing: where a description is wrong or silent, they are too. Rules
  judged every one of them, people did not.
- A transcript is the corpus's own where it has one, and else what a speech recogniser heard.
- A description holds only what the policy of its corpus allows. Speaker ids are left out; file names may hold some.
- No clip, recording or speaker is in two splits. Public benchmarks are built from some of the same corpora: compare
  clips by their ids (sha256 of the samples at 16 kHz) before you evaluate on one.
- The answers are a language model's: its licence may set terms for what is trained on them."""


def header(dataset: Dataset, rollup: Rollup) -> str:
    """Return the metadata by which the Hub files a dataset and `datasets` finds its splits."""
    files = [{"split": split.value, "path": shards_of(split)} for split in rollup.splits()]
    values = {
        "pretty_name": dataset.name,
        **licence_entries(rollup.licences, "by-row"),
        **({"language": languages} if (languages := language_codes(rollup.languages)) else {}),
        "size_categories": [size_category(rollup.total.samples)],
        "task_categories": [TASK],
        "tags": ["audio", "self-generated", f"arxiv:{PAPER_ID}"],
        "configs": [{"config_name": "default", "data_files": files}],
    }
    return front_matter(values)


def size_category(samples: int) -> str:
    """Return the Hub's word for a number of rows."""
    return next((name for limit, name in _SIZES if samples < limit), _LARGER)


def summary(rollup: Rollup) -> str:
    """Say in two sentences what the dataset is."""
    total = rollup.total
    return (
        f"{total.samples} questions about {total.clips} clips ({total.hours:.2f} hours) of audio, each with the answer "
        f"of a language model, made by the recipe of DeSTA2.5-Audio (arXiv:{PAPER_ID}). The model that answered read a "
        "description of the clip; a model that is to hear learns to give the same answer to the sound."
    )


def card(dataset: Dataset, rollup: Rollup, usage: str) -> str:
    """Write the card; `usage` says how the files beside it are read."""
    sections = {
        "Sizes": table(("split", "domain", "samples", "clips", "hours"), _parts(rollup)),
        "Use it": usage,
        "Recipe": "\n".join(_recipe(dataset, rollup)),
        "Licences": "\n\n".join(_licences(dataset, rollup)),
        "Limits": _LIMITS,
        "Identity": "\n".join(_identity(dataset)),
        "Citation": f"```bibtex\n{CITATION}\n```",
    }
    body = "\n\n".join(f"## {title}\n{text}" for title, text in sections.items())
    return f"# {dataset.name}\n\n{summary(rollup)}\n\n{body}\n"


def columns() -> str:
    """Return the table of the columns."""
    return table(("column", "what it is"), ((f"`{column.name}`", column.meaning) for column in COLUMNS))


def _parts(rollup: Rollup) -> Iterator[tuple[Any, ...]]:
    for split in rollup.splits():
        for part, domain in sorted(rollup.parts):
            if part is split:
                amount = rollup.parts[part, domain]
                yield split.value, domain.value, amount.samples, amount.clips, f"{amount.hours:.2f}"


def _recipe(dataset: Dataset, rollup: Rollup) -> Iterator[str]:
    recipe = dataset.recipe
    yield f"- Generator: {recipe.llm} (licence {recipe.llm_licence or 'not known'})"
    yield from (f"- Generator identity: {_identity_of(g)}" for g in sorted(rollup.generators, key=repr))
    yield from (f"- Decoding: {_decoding(d)}" for d in sorted(rollup.decodings, key=repr))
    yield from (f"- Prompts, {name}: {_pairs(pool)}" for name, pool in sorted(recipe.prompt_pools.items()))
    counts = dataset.accepted.manifest.counts
    refused = ", ".join(f"{reason} {n}" for reason, n in sorted(counts.refused.items(), key=lambda kv: (-kv[1], kv[0])))
    share = f" ({counts.rows_out / counts.rows_in:.0%})"
    yield f"- Acceptance: {counts.rows_out} of {counts.rows_in} samples{share}; refused: {refused or 'none'}"


def _identity_of(generator: GeneratorIdentity) -> str:
    digests = f"weights `{generator.weights}`, tokenizer `{generator.tokenizer}`, template `{generator.chat_template}`"
    return f"{generator.engine} {generator.engine_version} in {generator.dtype}; {digests}"


def _decoding(decoding: Decoding) -> str:
    drawn = f"temperature {decoding.temperature:g}, top-p {decoding.top_p:g}"
    return f"{drawn}, at most {decoding.max_tokens} tokens, seed {decoding.seed}"


def _pairs(value: Any) -> str:
    return ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, Mapping) else str(value)


def _licences(dataset: Dataset, rollup: Rollup) -> Iterator[str]:
    yield "Each clip keeps the licence of its recording, and whoever passes it on names whom its corpus names."
    consents = {name: share.consent for name, share in rollup.corpora.items() if share.consent}
    yield terms_of_use(dataset.recipe.use, rollup.licences, consents)
    amounts = sorted(rollup.licences.items())
    rows = ((cell(name), a.samples, a.clips, f"{a.hours:.2f}") for name, a in amounts)
    yield table(("licence", "samples", "clips", "hours"), rows)
    shares = (
        (cell(name), cell(", ".join(sorted(share.licences))), share.amount.clips, cell(share.attribution or "none"))
        for name, share in sorted(rollup.corpora.items())
    )
    yield table(("corpus", "licence", "clips", "attribution"), shares)
    if dataset.notices:
        yield "The full notices are under `notices/`."


def _identity(dataset: Dataset) -> Iterator[str]:
    yield f"- accepted samples `{dataset.accepted.digest}`"
    yield f"- clips `{dataset.clips.digest}`"
    yield f"- key of the validation `{dataset.accepted.manifest.lineage.key}`"
