from pipelines.erasure.kept_rows import KeptRows
from pipelines.erasure.rows import ClipRow

ANNA = ClipRow("a" * 64, "test", "a.flac", "b" * 64, 0.1 + 0.2, frozenset({"anna", "ben"}), "half \ud800 of 'it'")
FILE = ClipRow("", "test", "ä\n.flac", "c" * 64, 0.0, frozenset(), None, "duplicate of 'test/a.flac'")


def test_rows_come_back_as_they_were_as_often_as_they_are_asked_for() -> None:
    kept = KeptRows(iter([ANNA, FILE, ANNA]))
    assert [*kept] == [*kept] == [ANNA, FILE, ANNA]


def test_the_others_are_read_again_each_time_too_and_follow_their_order() -> None:
    others = KeptRows([FILE, ANNA, FILE]).without({ANNA})
    assert [*others] == [*others] == [FILE, FILE]


def test_two_readings_do_not_disturb_each_other() -> None:
    kept = KeptRows([ANNA, FILE])
    assert [(one, other) for one in kept for other in kept] == [(a, b) for a in (ANNA, FILE) for b in (ANNA, FILE)]
