"""Artifacts to validate, and the validation of them, as the command line does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact, Draft, Lineage, Tally, open_artifact
from components.core.contracts.records import Clip, Domain, Record, RefusedSample, Sample, Split
from components.core.home import Home
from components.core.models.store import LLM
from components.validate_data.__main__ import main
from tests.builders import make_clip, make_source, make_tone

DOG = make_clip(source=make_source(source_id="test/dog"))
BELL = make_clip(
    pcm=make_tone(hertz=900.0),
    split=Split.VALIDATION,
    source=make_source(source_id="test/bell", sha256="1" * 64),
    speaker_id="ringer",
)
SONG = make_clip(pcm=make_tone(hertz=300.0), domain=Domain.MUSIC, source=make_source(source_id="test/song"))

_LINEAGE = Lineage(stage="test", key="0" * 64, code="0" * 64, settings={}, inputs={}, models={}, sources={})


@dataclass(frozen=True)
class Inputs:
    """Two artifacts on disk."""

    samples: Path
    clips: Path


def write_inputs(folder: Path, samples: Sequence[Sample], clips: Sequence[Clip] = (DOG, BELL)) -> Inputs:
    """Write samples and clips as the stages before write them."""
    return Inputs(_write(folder / "samples", samples, Sample), _write(folder / "clips", clips, Clip))


def _write(folder: Path, rows: Sequence[Record], record: type[Record]) -> Path:
    folder.mkdir(parents=True)
    draft, tally = Draft(folder), Tally()
    tally.rows_in = tally.rows_out = len(rows)
    draft.write(rows, record)
    draft.close(kind=folder.name, counts=tally.counts(), facts={}, lineage=_LINEAGE)
    return folder


def validate(inputs: Inputs, home: Home, *settings: str) -> Artifact:
    """Run the stage's command and open what it wrote; SystemExit where it fails or refuses.

    The backbone's weights stay unread, unless the settings ask for answers to be measured.
    """
    output = home.root / "accepted"
    argv = ["--samples", str(inputs.samples), "--clips", str(inputs.clips), "--accepted", str(output), "--llm", LLM]
    main([*argv, "--measured-answers", "0", *settings])
    return open_artifact(output, "accepted")


def refuse(inputs: Inputs, home: Home, *settings: str) -> Artifact:
    """Run the stage's command, which must refuse its result (exit 3), and open the evidence."""
    with pytest.raises(SystemExit) as stopped:
        validate(inputs, home, *settings)
    assert stopped.value.code == 3
    return open_artifact(home.root / "accepted", "accepted")


def verdicts(result: Artifact) -> dict[str, str]:
    """Return what became of each sample, by its id: `accepted` or the reason."""
    kept = {sample.sample_id: "accepted" for sample in result.read(Sample)}
    return {**kept, **{row.sample.sample_id: row.reason.value for row in result.read_quarantine(RefusedSample)}}
