from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import Clip, Segment, Split
from components.core.digests import digest_of
from components.validate_data.contamination import Exposure, exposures_of
from components.validate_data.known_clips import KnownClip, KnownClips, Uses, known_clips
from tests.builders import make_clip, make_source, make_tone
from tests.components.validate_data.making import BELL, DOG, SONG, write_inputs

_COMPARED = pa.schema(
    [
        *((name, pa.string()) for name in ("clip_id", "split", "source.source_id", "speaker_id", "fingerprint")),
        ("source.sha256", pa.string()),
        ("segments", pa.list_(pa.struct([("speaker_id", pa.string())]))),
    ]
)


def known(folder: Path, *clips: Clip, blocklist: frozenset[str] = frozenset()) -> dict[str, KnownClip]:
    return dict(known_clips(open_artifact(write_inputs(folder, [], clips).clips), blocklist))


def a_clip(number: int, split: Split, **changes: str) -> Clip:
    source = make_source(source_id=changes.pop("source_id", f"source {number}"))
    return make_clip(pcm=make_tone(hertz=100.0 + number), split=split, source=source, **changes)


def test_what_is_said_of_every_clip_is_known(tmp_path: Path) -> None:
    assert known(tmp_path, DOG, BELL, SONG) == {
        DOG.clip_id: KnownClip("sound", "train", "test", 1.0, None),
        BELL.clip_id: KnownClip("sound", "validation", "test", 1.0, None),
        SONG.clip_id: KnownClip("music", "train", "test", 1.0, None),
    }


def test_the_most_protected_split_keeps_a_speaker(tmp_path: Path) -> None:
    splits = (Split.TRAIN, Split.VALIDATION, Split.EVALUATION, Split.TRAIN)
    clips = [a_clip(n, split, speaker_id="ann" if n < 3 else "ben") for n, split in enumerate(splits)]
    found = known(tmp_path, *clips)
    exposures = [found[clip.clip_id].exposure for clip in clips]
    assert exposures == [Exposure("speaker 'ann'", "evaluation")] * 3 + [None]
    contaminated = [e is not None and e.contaminates(s) for e, s in zip(exposures, splits, strict=True)]
    assert contaminated == [True, True, False, False]


def test_of_two_things_that_are_shared_the_more_protected_one_counts(tmp_path: Path) -> None:
    shared = a_clip(0, Split.TRAIN, source_id="tape", speaker_id="ann")
    others = (a_clip(1, Split.VALIDATION, source_id="tape"), a_clip(2, Split.EVALUATION, speaker_id="ann"))
    assert known(tmp_path, shared, *others)[shared.clip_id].exposure == Exposure("speaker 'ann'", "evaluation")


def test_a_speaker_of_a_segment_is_shared_too_and_so_is_a_sound(tmp_path: Path) -> None:
    said = Segment(start_s=0.0, end_s=0.5, transcript=None, speaker_id="ann", attributes={})
    meeting = a_clip(0, Split.TRAIN).model_copy(
        update={"segments": (said, said.model_copy(update={"speaker_id": None}))}
    )
    ann, copy = (a_clip(1, Split.EVALUATION, speaker_id="ann"), a_clip(2, Split.TRAIN, fingerprint="ab" * 64))
    original = a_clip(3, Split.VALIDATION, fingerprint="ab" * 64)
    found = known(tmp_path, meeting, ann, copy, original)
    assert found[meeting.clip_id].exposure == Exposure("speaker 'ann'", "evaluation")
    assert found[copy.clip_id].exposure == Exposure(f"sound '{'ab' * 20}'", "validation")


def test_clips_without_a_speaker_have_none_in_common(tmp_path: Path) -> None:
    found = known(tmp_path, a_clip(0, Split.TRAIN), a_clip(1, Split.EVALUATION))
    assert [clip.exposure for clip in found.values()] == [None, None]


def test_a_listed_clip_or_file_must_not_serve_any_split(tmp_path: Path) -> None:
    found = known(tmp_path, DOG, BELL, SONG, blocklist=frozenset({DOG.clip_id, BELL.source.sha256}))
    listed = Exposure("the blocklist", None)
    assert [found[clip.clip_id].exposure for clip in (DOG, BELL, SONG)] == [listed, listed, None]
    assert all(listed.contaminates(split) for split in Split)


def test_clips_are_found_as_in_a_dictionary_and_nothing_else_is() -> None:
    ids = ["00" * 32, "ff" * 32, "ab" * 31 + "00", "00" + "ab" * 31, *(digest_of(number) for number in range(700))]
    ids += ids[100:200]
    rows = [(i, f"domain {n % 3}", f"split {n % 2}", f"corpus {n % 5}", n / 7) for n, i in enumerate(ids)]
    exposures = {clip_id: Exposure("the blocklist", None) for clip_id in ids[::10]}
    wanted = {row[0]: KnownClip(*row[1:], exposures.get(row[0])) for row in rows}  # the last of each id
    names = ("clip_id", "domain", "split", "source.corpus", "duration_s")
    tables = [pa.table(dict(zip(names, zip(*some, strict=True), strict=True))) for some in (rows[:300], rows[300:])]
    found = KnownClips(tables, exposures)
    assert (len(found), dict(found)) == (len(wanted), wanted)
    assert found.groups == {(clip.domain, clip.split, clip.corpus) for clip in wanted.values()}
    unknown = (digest_of("another"), ids[0][:-2], ids[2] + "00", ids[5].upper(), "ab" * 31, "no id", "", "ä" * 64)
    assert [found.get(clip_id) for clip_id in unknown] == [None] * len(unknown)


@pytest.mark.parametrize("seed", range(5))
def test_exposures_are_those_of_comparing_every_clip_with_every_other(seed: int) -> None:
    chance = np.random.default_rng(seed)
    ranks, words = ("train", "validation", "evaluation"), ("recording", "speaker", "sound")
    splits = chance.integers(3, size=120)
    values = [[None if value > 150 else f"{value}" for value in row] for row in chance.integers(180, size=(120, 3))]
    wanted: dict[str, Exposure] = {}
    for number, mine in enumerate(values):
        for word, value, column in zip(words, mine, zip(*values, strict=True), strict=True):
            same = {int(split) for split, other in zip(splits, column, strict=True) if value and other == value}
            before = wanted.get(f"clip {number}")
            if len(same) > 1 and (before is None or ranks.index(str(before.held_by)) < max(same)):
                wanted[f"clip {number}"] = Exposure(f"{word} {value!r}", ranks[max(same)])
    clips: list[tuple[object, ...]] = [
        (f"clip {number}", ranks[split], recording, speaker, sound, f"file {number}", [])
        for number, (split, (recording, speaker, sound)) in enumerate(zip(splits, values, strict=True))
    ]
    rows = [dict(zip(_COMPARED.names, clip, strict=True)) for clip in clips]
    tables = [pa.Table.from_pylist(some, schema=_COMPARED) for some in (rows[:50], rows[50:])]
    assert wanted
    assert exposures_of(lambda: tables, frozenset()) == wanted


def test_a_key_counts_its_earlier_uses() -> None:
    uses = Uses(["once", "twice", "twice", "twice"])
    assert [uses.before(key) for key in ("once", "twice", "other", "twice", "twice")] == [0, 0, 0, 1, 2]


def test_without_a_clip_nothing_is_known(tmp_path: Path) -> None:
    assert known(tmp_path) == {}
