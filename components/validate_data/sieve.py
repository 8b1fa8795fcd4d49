"""Parting samples into accepted and refused ones while they flow."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from components.core.contracts.parquet import read_shard, write_shard
from components.core.contracts.records import RefusedSample, Sample
from components.validate_data.inspection import Inspection, Score
from components.validate_data.measuring import Measurer
from components.validate_data.overview import Overview
from components.validate_data.specimens import Specimens
from components.validate_data.suite import Rule


class Sieve:
    """Judges a batch of samples at a time; what it refuses waits in files, so that memory stays flat."""

    def __init__(
        self, rules: Sequence[Rule], measurer: Measurer, overview: Overview, specimens: Specimens, spill: Path
    ) -> None:
        self.scores = {rule.name: Score() for rule in rules}
        self._rules = rules
        self._measurer = measurer
        self._overview = overview
        self._specimens = specimens
        self._inspection = Inspection("samples", {rule.name: rule.expectation for rule in rules})
        self._spill = spill

    def accepted(self, samples: Iterable[Sample], batch_rows: int) -> Iterator[Sample]:
        """Yield the accepted samples in their order and put the others aside."""
        shutil.rmtree(self._spill, ignore_errors=True)
        self._spill.mkdir(parents=True)
        rest = iter(samples)
        while batch := list(islice(rest, batch_rows)):
            refused = self._refused(batch)
            for row, sample in enumerate(batch):
                self._overview.see(sample, refused[row].reason if row in refused else None)
                self._specimens.see(sample, refused.get(row))
            # The names are in the order of the rows, for twelve digits of them.
            number = self._overview.tally.rows_in
            write_shard(self._spill / f"{number:012d}.parquet", refused.values(), RefusedSample)
            yield from (sample for row, sample in enumerate(batch) if row not in refused)

    def refused(self) -> Iterator[RefusedSample]:
        """Yield the samples that were put aside, in their order."""
        for path in sorted(self._spill.iterdir()):
            yield from read_shard(path, RefusedSample)

    def _refused(self, batch: Sequence[Sample]) -> dict[int, RefusedSample]:
        """Return the refusals of a batch by row: for the first broken rule, by the rules' order."""
        rows = [self._measurer.row(sample) for sample in batch]
        findings = self._inspection.of(rows)
        refused: dict[int, RefusedSample] = {}
        for rule in self._rules:
            finding = findings[rule.name]
            self.scores[rule.name] = self.scores[rule.name].plus(finding)
            for row in set(finding.failed) - set(refused):
                detail = rule.detail.format(**rows[row])
                refused[row] = RefusedSample(sample=batch[row], reason=rule.reason, detail=detail)
        return dict(sorted(refused.items()))
