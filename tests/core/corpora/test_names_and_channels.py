"""Two voices that begin together on two channels, and names in a tar that are not UTF-8."""

import json
import tarfile
from pathlib import Path

import pytest

from components.core.contracts.errors import SourceError
from components.core.corpora.reading import read_corpus


def telephone_call(folder: Path, policy: str = "") -> Path:
    (folder / "corpus.yaml").write_text(f"name: mine\nlicence: CC0-1.0\ndomain: speech\nformat: lhotse\n{policy}")
    source = {"type": "file", "channels": [0, 1], "source": "call.flac"}
    (folder / "recordings.jsonl").write_text(json.dumps({"id": "call", "sources": [source]}))
    told = [
        {"recording_id": "call", "start": 0.0, "duration": 2.0, "channel": channel, "speaker": speaker}
        for channel, speaker in ((0, "caller"), (1, "called"))
    ]
    (folder / "supervisions.jsonl").write_text("\n".join(map(json.dumps, told)))
    return folder


def test_speakers_who_begin_together_on_two_channels_are_two_segments(tmp_path: Path) -> None:
    (recording,) = read_corpus(telephone_call(tmp_path, "stretches: together\n")).recordings

    assert [(segment.start_s, segment.speaker_id) for segment in recording.segments] == [
        (0.0, "mine/caller"),
        (0.0, "mine/called"),
    ]


def test_a_clip_in_which_another_channel_would_be_heard_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"line 2: recording_id 'call' has supervisions on channels 0 and 1, which a"):
        read_corpus(telephone_call(tmp_path))


def test_a_name_in_a_tar_that_is_not_utf8_is_written_with_escapes(tmp_path: Path) -> None:
    (tmp_path / "corpus.yaml").write_text("name: mine\nlicence: CC0-1.0\ndomain: speech\nformat: webdataset\n")
    with tarfile.open(tmp_path / "shard.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo("caf\udce9.flac"))
    corpus = read_corpus(tmp_path)
    assert [recording.path for recording in corpus.recordings] == ["shard.tar/caf\\xe9.flac"]
    assert corpus.digest()
