"""Judge every sample, keep the refused ones with their reason, and say whether enough are left to train on."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Artifact, Manifest
from components.core.contracts.errors import ContractError
from components.core.contracts.records import RefusedSample, Sample
from components.core.digests import digest_of
from components.core.execution import Outcome, Workplace
from components.core.models.loading import load_tokenizer
from components.validate_data.blocklist import read_blocklist
from components.validate_data.drift import Drift, drift_of
from components.validate_data.inspection import Inspection, Score
from components.validate_data.known_clips import KnownClips, known_clips
from components.validate_data.likelihood import facts_of, readings_of
from components.validate_data.measuring import Measurer
from components.validate_data.overview import Overview
from components.validate_data.page import Findings
from components.validate_data.policy import Policy
from components.validate_data.report import attach_documents, write_report
from components.validate_data.settings import ValidateDataSettings
from components.validate_data.sieve import Sieve
from components.validate_data.specimens import Specimens
from components.validate_data.suite import Gate, gates, rules


def validate(
    inputs: Mapping[str, Artifact], llm: Path, settings: ValidateDataSettings, place: Workplace, before: Manifest | None
) -> Outcome:
    """Write the accepted samples, the refused ones, `validation.json` and the documents for people into the draft.

    `inputs` are samples and clips; `before` is what the store accepted before, for a comparison that decides nothing.

    Raises:
        ContractError: there is no sample to judge, or an expectation could not be evaluated.
    """
    samples, clips, policy = inputs["samples"], inputs["clips"], settings.policy
    _check_any(samples)
    known, asked = known_clips(clips, read_blocklist(settings.blocklist)), rules(settings)
    overview, specimens = Overview(known), Specimens(settings)
    measurer = Measurer(load_tokenizer(llm), known, samples, settings)
    sieve = Sieve(asked, measurer, overview, specimens, place.resume / "refused")
    _sift(samples, sieve, settings, place)

    measured = facts_of(readings_of(specimens.measured.drawn(), llm, place.progress))
    facts = {**overview.facts(), **measured, "policy": _identity(policy)}
    verdict = _verdict(gates(policy.gates), _all_samples(facts, overview, _unknown_corpora(policy, known)))
    scores = {**sieve.scores, **verdict.scores}
    write_report(place.draft, asked, gates(policy.gates), scores)
    found = Findings(
        overview=overview,
        facts=facts,
        refusals=verdict.refusals,
        warnings=verdict.warnings,
        policy=policy,
        scored=(
            *((gate.expectation, scores[gate.name]) for gate in gates(policy.gates)),
            *((rule.expectation, scores[rule.name]) for rule in asked),
        ),
        accepted=tuple(specimens.accepted.drawn()),
        refused=tuple(specimens.refused()),
        drift=drift_of(before, facts, policy.drift) if before and overview.tally.rows_out else None,
    )
    attach_documents(place.draft, found, clips)
    _tell(found.drift)
    facts["warnings"] = list(verdict.warnings)
    return Outcome(counts=overview.tally.counts(), facts=facts, refusals=verdict.refusals)


@dataclass(frozen=True)
class _Verdict:
    """What the gates found."""

    scores: Mapping[str, Score]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]


def _verdict(passing: Sequence[Gate], row: Mapping[str, Any]) -> _Verdict:
    findings = Inspection("all_samples", {gate.name: gate.expectation for gate in passing}).of([row])
    scores = {name: Score().plus(finding) for name, finding in findings.items()}
    broken = [(gate.stops, gate.line.format(**row)) for gate in passing if scores[gate.name].failed]
    return _Verdict(
        scores, tuple(line for stops, line in broken if stops), tuple(line for stops, line in broken if not stops)
    )


def _check_any(samples: Artifact) -> None:
    if samples.manifest.counts.rows_out == 0:
        raise ContractError(f"{samples.folder}: no samples, so nothing to validate; see why self_generate wrote none")


def _sift(samples: Artifact, sieve: Sieve, settings: ValidateDataSettings, place: Workplace) -> None:
    total = samples.manifest.counts.rows_out
    rows = place.progress.track(samples.read(Sample), label="validate", unit="samples", total=total)
    place.draft.write(sieve.accepted(rows, settings.batch_rows), Sample)
    place.draft.quarantine(sieve.refused(), RefusedSample)


def _tell(drift: Drift | None) -> None:
    for line in drift.warnings() if drift else ():
        print(f"validate_data: since the samples accepted before, {line}", file=sys.stderr)


def _identity(policy: Policy) -> dict[str, str]:
    return {"version": policy.version, "digest": digest_of(policy.model_dump(mode="json"))}


def _unknown_corpora(policy: Policy, known: KnownClips) -> list[str]:
    return sorted(policy.rules.corpus.keys() - {corpus for _, _, corpus in known.groups})


def _all_samples(facts: Mapping[str, Any], overview: Overview, unknown_corpora: list[str]) -> dict[str, Any]:
    """Return the one row that the gates look at, with the words for their lines."""
    most_first = sorted(overview.tally.refused.items(), key=lambda item: (-item[1], item[0]))
    return {
        **{name: value for name, value in facts.items() if isinstance(value, int | float | None)},
        "generators": len(facts["generators"]),
        "absent": ", ".join(facts["absent"]) or None,
        "unknown_corpora": ", ".join(unknown_corpora) or None,
        "refused": ", ".join(f"{count} {reason}" for reason, count in most_first),
    }
