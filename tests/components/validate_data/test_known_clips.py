from pathlib import Path

from components.core.contracts.artifacts import open_artifact
from components.validate_data.known_clips import Uses, known_clips
from tests.builders import make_sample
from tests.components.validate_data.making import BELL, DOG, SONG, write_inputs


def test_domain_and_split_of_every_clip_are_known(tmp_path: Path) -> None:
    clips = open_artifact(write_inputs(tmp_path, [], [DOG, BELL, SONG]).clips)
    assert known_clips(clips) == {
        DOG.clip_id: ("sound", "train"),
        BELL.clip_id: ("sound", "validation"),
        SONG.clip_id: ("music", "train"),
    }


def test_an_id_counts_its_earlier_uses_and_one_that_only_begins_alike_does_not(tmp_path: Path) -> None:
    once, twice, alike = "1" * 64, "2" * 64, "2" * 16 + "3" * 48
    ids = [once, twice, alike, twice, twice]
    uses = Uses(open_artifact(write_inputs(tmp_path, [make_sample(sample_id=each) for each in ids]).samples))
    assert [uses.before(each) for each in ids] == [0, 0, 0, 1, 2]
