"""The prompt pools: what ships is fit to ask, a bad pool says why, and each clip gets its own fair draw."""

from collections import Counter
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Domain
from components.self_generate.prompt_pool import Prompt, PromptPool, choose, load_pool, load_pools

POOLS = load_pools()
CLIP_IDS = [f"{number:064x}" for number in range(150)]
ENTRY = '  - {id: speech-descriptive-001, category: descriptive, text: "What is said?"}\n'


def pool_file(folder: Path, entries: str, head: str = "domain: speech\nversion: 1\n") -> Path:
    path = folder / "speech.yaml"
    path.write_text(f"{head}prompts:\n{entries}", encoding="utf-8")
    return path


def without(pool: PromptPool, gone: Prompt) -> PromptPool:
    return pool.model_copy(update={"prompts": tuple(prompt for prompt in pool.prompts if prompt != gone)})


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        (ENTRY + ENTRY.replace("said", "meant"), "prompt speech-descriptive-001: 2 prompts have this id"),
        (
            ENTRY + ENTRY.replace("001", "002").replace("What is said?", "what  IS said? "),
            "prompt speech-descriptive-002: repeats the text of speech-descriptive-001",
        ),
        (ENTRY.replace("descriptive,", "poetic,"), "prompt speech-descriptive-001: unknown category 'poetic'"),
        (ENTRY.replace("What is said?", "  "), "prompt speech-descriptive-001: the text is empty"),
        (ENTRY.replace("speech-", "music-"), "prompt music-descriptive-001: the id does not fit"),
        (ENTRY.replace("category: descriptive", "category: role_play"), "call it speech-role_play-NNN"),
        (ENTRY.replace("-001", "-1"), "prompt speech-descriptive-1: the id does not fit"),
        (ENTRY.replace("text:", "txt:"), "mend prompts.0.text: Field required"),
        (ENTRY.replace("}", ", weight: 2}"), "mend prompts.0.weight: Extra inputs are not permitted, got '2'"),
        (ENTRY.replace('"What is said?"', "[a, b]"), "mend prompts.0.text: Input should be a valid string"),
        ("  []\n", "holds no prompts: add some"),
        ("  - {id: [", "mend or restore it: while parsing"),
    ],
)
def test_a_bad_prompt_is_one_line_that_names_file_and_prompt(tmp_path: Path, entries: str, complaint: str) -> None:
    path = pool_file(tmp_path, entries)
    with pytest.raises(ConfigurationError) as caught:
        load_pool(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert complaint in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    [
        "What is said in the text above?",
        "Shorten the description.",
        "What does the TRANSCRIPT say?",
        "Use the metadata, please.",
        "Which attributes stand out?",
    ],
)
def test_a_prompt_that_betrays_reading_is_refused(tmp_path: Path, text: str) -> None:
    path = pool_file(tmp_path, ENTRY.replace("What is said?", text))
    with pytest.raises(ConfigurationError, match=r"speech-descriptive-001: '\w+' betrays"):
        load_pool(path)


def test_words_that_only_look_like_reading_pass(tmp_path: Path) -> None:
    path = pool_file(tmp_path, ENTRY.replace("What is said?", "Describe the texture of the voice and its context."))
    assert load_pool(path).prompts[0].text == "Describe the texture of the voice and its context."


@pytest.mark.parametrize(
    ("head", "complaint"),
    [
        ("domain: music\nversion: 1\n", "domain is music"),
        ("domain: talk\nversion: 1\n", "mend domain: Input should be 'speech', 'sound' or 'music', got 'talk'"),
        ("domain: speech\nversion: soon\n", "mend version: Input should be a valid integer"),
        ("domain: speech\n", "mend version: Field required"),
        ("domain: speech\nversion: 1\nlanguage: en\n", "mend language: Extra inputs are not permitted"),
    ],
)
def test_a_bad_head_is_one_line(tmp_path: Path, head: str, complaint: str) -> None:
    path = pool_file(tmp_path, ENTRY, head=head)
    with pytest.raises(ConfigurationError) as caught:
        load_pool(path)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_text_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "speech.yaml"
    path.write_bytes(b"\xff\xfe\x00prompts")
    with pytest.raises(ConfigurationError, match=r"speech\.yaml: mend or restore it: "):
        load_pool(path)


def test_a_folder_without_a_domain_names_the_missing_file(tmp_path: Path) -> None:
    pool_file(tmp_path, ENTRY)
    with pytest.raises(ConfigurationError, match=r"sound\.yaml: mend or restore it: .*No such file"):
        load_pools(tmp_path)


def test_the_digest_ignores_order_and_layout_but_not_a_word(tmp_path: Path) -> None:
    other = ENTRY.replace("001", "002").replace("said", "meant")
    digest = load_pool(pool_file(tmp_path, ENTRY + other)).digest
    assert load_pool(pool_file(tmp_path, other + "\n# a remark\n" + ENTRY)).digest == digest
    assert load_pool(pool_file(tmp_path, ENTRY + other.replace("meant", "sung"))).digest != digest
    assert load_pool(pool_file(tmp_path, ENTRY + other, head="domain: speech\nversion: 2\n")).digest != digest


@pytest.mark.parametrize("domain", Domain)
@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_draw_spreads_over_the_categories_and_never_repeats(domain: Domain, count: int) -> None:
    for clip_id in CLIP_IDS[:20]:
        drawn = choose(POOLS[domain], clip_id, 42, count)
        assert len(set(drawn)) == count
        assert max(Counter(prompt.category for prompt in drawn).values()) == -(-count // 3)


def test_a_draw_does_not_depend_on_the_order_of_the_pool_or_of_other_draws() -> None:
    pool = POOLS[Domain.SPEECH]
    reordered = pool.model_copy(update={"prompts": pool.prompts[::-1]})
    forwards = {clip_id: choose(pool, clip_id, 42, 3) for clip_id in CLIP_IDS}
    backwards = {clip_id: choose(reordered, clip_id, 42, 3) for clip_id in reversed(CLIP_IDS)}
    assert forwards == backwards


def test_a_draw_changes_with_the_run_seed_and_with_the_clip() -> None:
    pool = POOLS[Domain.SOUND]
    assert choose(pool, CLIP_IDS[0], 42, 3) != choose(pool, CLIP_IDS[0], 43, 3)
    assert choose(pool, CLIP_IDS[0], 42, 3) != choose(pool, CLIP_IDS[1], 42, 3)


def test_a_larger_draw_keeps_the_smaller_one() -> None:
    pool = POOLS[Domain.MUSIC]
    assert choose(pool, CLIP_IDS[0], 42, 5)[:2] == choose(pool, CLIP_IDS[0], 42, 2)


def test_removing_a_prompt_changes_only_the_clips_that_drew_it() -> None:
    pool = POOLS[Domain.SPEECH]
    gone = choose(pool, CLIP_IDS[0], 42, 3)[0]
    smaller = without(pool, gone)
    changed = {c for c in CLIP_IDS if choose(smaller, c, 42, 3) != choose(pool, c, 42, 3)}
    assert changed == {c for c in CLIP_IDS if gone in choose(pool, c, 42, 3)}


def test_over_many_clips_every_prompt_is_drawn() -> None:
    pool = POOLS[Domain.MUSIC]
    drawn = {prompt for clip_id in CLIP_IDS for prompt in choose(pool, clip_id, 42, 30)}
    assert drawn == set(pool.prompts)


def test_the_whole_pool_can_be_drawn() -> None:
    pool = POOLS[Domain.SOUND]
    assert set(choose(pool, CLIP_IDS[0], 42, len(pool.prompts))) == set(pool.prompts)


@pytest.mark.parametrize("count", [0, -1, 10_000])
def test_a_count_that_the_pool_cannot_give_is_refused(count: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"sound prompts a clip: the pool has \d+, got {count}: ask for 1 to"):
        choose(POOLS[Domain.SOUND], CLIP_IDS[0], 42, count)
