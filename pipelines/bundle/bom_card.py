"""CycloneDX's card of a trained model, from the records and figures of its run."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.core.cards import PAPER_ID, TASK
from components.core.contracts.artifacts import Artifact
from components.core.settings import flat
from pipelines.bundle.ended import EndedRun

_LIMITS = (
    "It is of use only with the two frozen models named here, byte for byte.",
    "It learned the answers to descriptions of clips: what these do not tell, or tell wrongly, it was not taught.",
    "Rules judged what it learned from, people did not.",
    "How it hears other corpora, languages and sounds than it was taught on is not known.",
    "What the frozen language model says wrongly without audio, it can say with audio too.",
)


def model_card(run: EndedRun, model: Artifact) -> dict[str, Any]:
    """Return the card of the adapter that a run trained."""
    settings = model.manifest.lineage.settings
    return {
        "bom-ref": f"card:{model.digest}",
        "modelParameters": {
            "approach": {"type": "supervised"},
            "task": TASK,
            "architectureFamily": "Q-Former",
            "modelArchitecture": f"DeSTA2.5-Audio (arXiv:{PAPER_ID}): {_architecture(settings)}",
            "datasets": [{"ref": f"dataset:{run.results['accepted'].digest}"}] if run.rollup else [],
            "inputs": [{"format": "audio, mono, 16 kHz"}, {"format": "text"}],
            "outputs": [{"format": "text"}],
        },
        "quantitativeAnalysis": {"performanceMetrics": list(_figures(run.figures))},
        "considerations": {
            "useCases": ["questions about recordings of speech, sounds and music, answered in text"],
            "technicalLimitations": list(_LIMITS),
        },
        "properties": [
            {"name": f"desta:train_model.{name}", "value": str(value)} for name, value in sorted(flat(settings))
        ],
    }


def data_entry(component: Mapping[str, Any]) -> dict[str, Any]:
    """Return of which kind a component of data is."""
    return {"type": "dataset", "name": component["name"]}


def _architecture(settings: Mapping[str, Any]) -> str:
    sizes = ", ".join(f"{name} {settings[name]}" for name in ("qformer_layers", "queries") if name in settings)
    return f"a Q-Former on the layers of a frozen audio encoder ({sizes or 'sizes of its preset'})"


def _figures(figures: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every figure of the evaluation, with its interval where there is one."""
    for name, value in sorted(figures.items()):
        if isinstance(value, float) and not name.endswith(("_low", "_high")):
            metric: dict[str, Any] = {"type": name, "value": repr(value), "slice": "evaluation split"}
            low, high = figures.get(f"{name}_low"), figures.get(f"{name}_high")
            if low is not None and high is not None:
                metric["confidenceInterval"] = {"lowerBound": repr(low), "upperBound": repr(high)}
            yield metric
