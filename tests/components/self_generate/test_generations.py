from pathlib import Path

import pytest

from components.core.digests import digest_of_bytes
from components.self_generate.generation import Reply
from components.self_generate.generations import Generations, batch_digest, generations_of
from tests.builders import make_generator


def reply(word: str) -> Reply:
    return Reply(
        sample_id=digest_of_bytes(word.encode()),
        response=word,
        finish_reason="stop",
        prompt_tokens=9,
        response_tokens=1,
        nll_per_token=0.25,
    )


def test_kept_reply_is_found_by_a_later_run(tmp_path: Path) -> None:
    Generations(tmp_path, "here").keep([reply("dog"), reply("cat")])
    later = Generations(tmp_path, "here")
    assert later[reply("cat").sample_id].response == "cat"
    assert reply("cow").sample_id not in later


def test_kept_reply_says_what_was_answered_with_it_and_where(tmp_path: Path) -> None:
    Generations(tmp_path, "here").keep([reply("dog"), reply("cat")])
    Generations(tmp_path, "there").keep([reply("cow")])
    kept = Generations(tmp_path, "now")
    dog, cat, cow = (kept[reply(word).sample_id] for word in ("dog", "cat", "cow"))
    assert dog.batch == cat.batch == batch_digest([dog.sample_id, cat.sample_id])
    assert cow.batch == batch_digest([cow.sample_id])
    assert (dog.machine, cow.machine) == ("here", "there")


def test_another_generator_does_not_find_it(tmp_path: Path) -> None:
    generations_of(tmp_path, make_generator(), "here").keep([reply("dog")])
    assert reply("dog").sample_id in generations_of(tmp_path, make_generator(), "here")
    assert reply("dog").sample_id not in generations_of(tmp_path, make_generator(weights="f" * 64), "here")


def test_reply_that_two_runs_kept_reads_the_same_ever_after(tmp_path: Path) -> None:
    one, other = Generations(tmp_path, "here"), Generations(tmp_path, "here")
    one.keep([reply("dog")])
    other.keep([reply("dog").model_copy(update={"response": "a dog"})])
    read = {Generations(tmp_path, "here")[reply("dog").sample_id].response for _ in range(3)}
    assert len(read) == 1


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flip_byte, truncate, empty])
def test_damaged_file_is_set_aside_and_the_others_are_kept(
    tmp_path: Path, damage: object, capsys: pytest.CaptureFixture[str]
) -> None:
    generations = Generations(tmp_path, "here")
    generations.keep([reply("dog")])
    (damaged,) = tmp_path.glob("*.parquet")
    generations.keep([reply("cat")])
    damage(damaged)  # type: ignore[operator]

    reopened = Generations(tmp_path, "here")

    assert reply("dog").sample_id not in reopened
    assert reopened[reply("cat").sample_id].response == "cat"
    (line,) = capsys.readouterr().err.splitlines()
    assert str(damaged.with_suffix(".corrupt")) in line
    assert damaged.with_suffix(".corrupt").exists()


def test_draft_of_a_killed_process_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".4711.draft").write_bytes(b"half a fi")
    assert reply("dog").sample_id not in Generations(tmp_path, "here")
