"""Judge every sample, keep the refused ones with their reason, and say whether enough are left to train on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Artifact
from components.core.contracts.errors import ContractError
from components.core.contracts.records import RefusedSample, Sample
from components.core.execution import Outcome, Workplace
from components.core.models.loading import load_tokenizer
from components.validate_data.inspection import Inspection, Score
from components.validate_data.known_clips import Uses, known_clips
from components.validate_data.measuring import Measurer
from components.validate_data.overview import part_of
from components.validate_data.report import write_report
from components.validate_data.settings import ValidateDataSettings
from components.validate_data.sieve import Sieve
from components.validate_data.suite import gates, rules


def validate(
    samples: Artifact, clips: Artifact, llm: Path, settings: ValidateDataSettings, place: Workplace
) -> Outcome:
    """Write the accepted samples, the refused ones, `validation.json` and the Data Docs into the draft.

    Raises:
        ContractError: there is no sample to judge, or an expectation could not be evaluated.
    """
    total = samples.manifest.counts.rows_out
    if total == 0:
        raise ContractError(f"{samples.folder}: no samples, so nothing to validate; see why self_generate wrote none")
    known, asked = known_clips(clips), rules(settings)
    measurer = Measurer(load_tokenizer(llm), known, Uses(samples), settings)
    sieve = Sieve(asked, measurer, place.resume / "refused")
    rows = place.progress.track(samples.read(Sample), label="validate", unit="samples", total=total)
    place.draft.write(sieve.accepted(rows, settings.batch_rows), Sample)
    place.draft.quarantine(sieve.refused(), RefusedSample)

    facts = sieve.overview.facts({part_of(split, domain) for domain, split in known.values()})
    all_samples, passing = _all_samples(facts, sieve.overview.tally.refused), gates(settings)
    findings = Inspection("all_samples", {gate.name: gate.expectation for gate in passing}).of([all_samples])
    scores = {name: Score().plus(finding) for name, finding in findings.items()}
    write_report(place.draft, asked, passing, {**sieve.scores, **scores})
    broken = [gate for gate in passing if scores[gate.name].failed]
    return Outcome(
        counts=sieve.overview.tally.counts(),
        facts={**facts, "warnings": [gate.line.format(**all_samples) for gate in broken if not gate.stops]},
        refusals=tuple(gate.line.format(**all_samples) for gate in broken if gate.stops),
    )


def _all_samples(facts: Mapping[str, Any], refused: Mapping[str, int]) -> dict[str, Any]:
    """Return the one row that the gates look at, with the words for their lines."""
    most_first = sorted(refused.items(), key=lambda item: (-item[1], item[0]))
    return {
        "acceptance": facts["acceptance"],
        "generators": len(facts["generators"]),
        "nll_per_token": facts["nll_per_token"],
        "absent": ", ".join(facts["absent"]) or None,
        "refused": ", ".join(f"{count} {reason}" for reason, count in most_first),
    }
