from collections import Counter
from pathlib import Path

from components.core.contracts.records import Domain, Split
from components.core.corpora.recordings import Recording
from components.ingest_audio.settings import IngestAudioSettings
from components.ingest_audio.splits import Placed, place_in_splits, take_evenly

SETTINGS = IngestAudioSettings()


def recording(
    path: str,
    *,
    corpus: str = "test",
    speaker: str | None = None,
    source: str | None = None,
    split: Split | None = None,
    domain: Domain = Domain.SPEECH,
) -> Recording:
    return Recording(
        corpus=corpus,
        path=path,
        file=Path(path),
        domain=domain,
        split=split,
        licence="CC0-1.0",
        language=None,
        transcript=None,
        speaker_id=speaker,
        source_id=source or f"{corpus}/{path}",
        attributes={},
        describable=(),
    )


def splits_of(placed: list[Placed]) -> list[Split | None]:
    return [None if each.conflict else each.split for each in placed]


def test_what_the_corpus_says_stands() -> None:
    rows = [recording(split, split=split) for split in Split]
    assert splits_of(place_in_splits(rows, SETTINGS)) == list(Split)


def test_rows_without_a_split_are_shared_out_by_the_settings() -> None:
    placed = place_in_splits([recording(f"{n}.wav") for n in range(2000)], SETTINGS)
    shares = Counter(splits_of(placed))
    assert 0.17 < shares[Split.EVALUATION] / 2000 < 0.23
    assert 0.08 < shares[Split.VALIDATION] / 2000 < 0.12


def test_a_share_of_zero_leaves_a_split_empty() -> None:
    settings = IngestAudioSettings(validation_share=0, evaluation_share=0)
    placed = place_in_splits([recording(f"{n}.wav") for n in range(200)], settings)
    assert set(splits_of(placed)) == {Split.TRAIN}


def test_a_speaker_stays_together_across_corpora() -> None:
    rows = [recording(f"{n}.wav", corpus=f"c{n % 2}", speaker=f"s{n % 7}") for n in range(70)]
    placed = place_in_splits(rows, SETTINGS)
    splits = {(row.speaker_id, each.split) for row, each in zip(rows, placed, strict=True)}
    assert len(splits) == 7
    assert not any(each.conflict for each in placed)


def test_a_row_without_a_split_joins_its_speaker_and_then_its_source() -> None:
    rows = [
        recording("a.wav", speaker="s"),
        recording("b.wav", source="book"),
        recording("c.wav", speaker="s", split=Split.VALIDATION),
        recording("d.wav", source="book", split=Split.EVALUATION),
    ]
    assert splits_of(place_in_splits(rows, SETTINGS)) == [
        Split.VALIDATION,
        Split.EVALUATION,
        Split.VALIDATION,
        Split.EVALUATION,
    ]


def test_of_two_rows_that_disagree_about_a_speaker_the_first_wins() -> None:
    rows = [recording("a.wav", speaker="s", split=Split.TRAIN), recording("b.wav", speaker="s", split=Split.EVALUATION)]
    first, second = place_in_splits(rows, SETTINGS)
    assert first.conflict is None
    assert second.conflict == (
        "evaluation, but speaker_id 's' is in train with 'test/a.wav'; move or rename one of them"
    )


def test_a_row_that_ties_two_splits_together_is_in_neither() -> None:
    rows = [
        recording("a.wav", speaker="s", split=Split.TRAIN),
        recording("b.wav", source="book", split=Split.EVALUATION),
        recording("c.wav", speaker="s", source="book"),
        recording("d.wav", source="book", split=Split.EVALUATION),
    ]
    assert [bool(each.conflict) for each in place_in_splits(rows, SETTINGS)] == [False, False, True, False]


def test_no_speaker_and_no_source_is_in_two_splits_whatever_the_rows_say() -> None:
    said = [None, *Split]
    rows = [
        recording(f"{n:04d}.wav", speaker=f"s{n % 13}", source=f"b{n * n % 31}", split=said[n % 4]) for n in range(400)
    ]
    kept = [each for each in place_in_splits(rows, SETTINGS) if not each.conflict]
    for key in ("speaker_id", "source_id"):
        owners: dict[str, set[Split]] = {}
        for each in kept:
            owners.setdefault(getattr(each.recording, key), set()).add(each.split)
        assert all(len(splits) == 1 for splits in owners.values())


def test_another_seed_draws_other_splits() -> None:
    rows = [recording(f"{n}.wav") for n in range(200)]
    again = place_in_splits(rows, SETTINGS)
    assert splits_of(again) == splits_of(place_in_splits(rows, SETTINGS))
    assert splits_of(again) != splits_of(place_in_splits(rows, IngestAudioSettings(seed=1)))


def mixed() -> list[Placed]:
    sizes = {(Domain.SPEECH, Split.TRAIN): 80, (Domain.MUSIC, Split.TRAIN): 15, (Domain.SOUND, Split.EVALUATION): 5}
    return [
        Placed(recording(f"{domain}-{n:03d}.wav", domain=domain), split, None)
        for (domain, split), size in sizes.items()
        for n in range(size)
    ]


def counted(taken: list[Placed]) -> dict[str, int]:
    return dict(Counter(each.recording.domain for each in taken))


def test_a_small_choice_has_every_domain_and_split_and_then_their_proportions() -> None:
    assert counted(take_evenly(mixed(), 3, 0)) == {"speech": 1, "music": 1, "sound": 1}
    assert counted(take_evenly(mixed(), 20, 0)) == {"speech": 16, "music": 3, "sound": 1}


def test_a_choice_keeps_the_order_and_is_the_same_for_every_order() -> None:
    rows = mixed()
    taken = take_evenly(rows, 20, 0)
    paths = [each.recording.path for each in rows]
    assert [paths.index(each.recording.path) for each in taken] == sorted(
        paths.index(each.recording.path) for each in taken
    )
    reversed_taken = take_evenly(rows[::-1], 20, 0)
    assert {each.recording.path for each in reversed_taken} == {each.recording.path for each in taken}


def test_a_larger_choice_holds_the_smaller_one() -> None:
    small = {each.recording.path for each in take_evenly(mixed(), 10, 0)}
    assert small < {each.recording.path for each in take_evenly(mixed(), 30, 0)}


def test_zero_takes_all() -> None:
    assert take_evenly(mixed(), 0, 0) == take_evenly(mixed(), 100, 0) == take_evenly(mixed(), 1000, 0) == mixed()
