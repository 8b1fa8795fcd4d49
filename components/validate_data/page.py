"""The page that people read: what was judged, counted, drawn and heard, in one file that needs nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from great_expectations.expectations.expectation import Expectation
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import RefusedSample, Sample
from components.core.listening import audio_of
from components.validate_data.data_docs import data_docs
from components.validate_data.drift import Drift
from components.validate_data.histograms import histogram
from components.validate_data.inspection import Score
from components.validate_data.overview import ACCEPTED, Overview
from components.validate_data.policy import Policy

_TEMPLATE = "page.html.j2"
_LONGEST_SHOWN = 600


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that the page tells; `scored` are the expectations with what they found, gates first."""

    overview: Overview
    facts: Mapping[str, Any]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    policy: Policy
    scored: tuple[tuple[Expectation, Score], ...]
    accepted: tuple[Sample, ...]
    refused: tuple[RefusedSample, ...]
    drift: Drift | None


def write_page(page: Path, found: Findings, clips: Artifact) -> None:
    """Write the page with the audio of the samples that it shows."""
    overview = found.overview
    shown = [*found.accepted, *(row.sample for row in found.refused)]
    folder = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    text = environment.get_template(_TEMPLATE).render(
        ACCEPTED=ACCEPTED,
        LONGEST=_LONGEST_SHOWN,
        rows_in=overview.tally.rows_in,
        rows_out=overview.tally.rows_out,
        refused=overview.tally.refused,
        outcomes=overview.outcomes,
        charts=[
            histogram("length of the answer (tokens)", "tokens", overview.tokens),
            histogram("likelihood under the own generator (nats a token)", "nats", overview.tenth_nats, 0.1),
            histogram("length of the clip (seconds)", "s", overview.seconds),
        ],
        facts=found.facts,
        refusals=found.refusals,
        warnings=found.warnings,
        drift=found.drift,
        accepted=found.accepted,
        turned_away=found.refused,
        audio=dict(audio_of(clips, {sample.clip_id for sample in shown})),
        expectations=data_docs("samples", found.scored),
        policy=found.policy,
        policy_text=yaml.safe_dump(found.policy.model_dump(mode="json"), sort_keys=False),
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text, encoding="utf-8")
