"""The check of a prompt pool names every fault and what to do; what ships has none and is as large as it says."""

import re
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from components.core.contracts.records import Domain
from components.self_generate.prompt_checks import check_pool, near_duplicates, pool_paths
from components.self_generate.prompt_pool import POOLS_FOLDER, PromptCategory, load_pools

GOOD = {
    "descriptive": ("What is being said?", "How loud is the voice?", "Name the language."),
    "role_play": ("You are a pirate. Answer the speaker.", "As a nurse, judge the mood.", "Play a grumpy robot."),
    "open_ended": ("Where was this recorded?", "Suggest a title for it.", "Would you trust this person?"),
}
SHORT_ANSWER = re.compile(
    r"(?i)sentence|words?\b|short|brief|one (line|idea|reason|thing|tip)|name (it|one)|just one|choose"
)


def write_pool(folder: Path, **more: str) -> Path:
    """Write a good speech pool with a prompt more of a category."""
    entries = [
        {"id": f"speech-{category}-{number:03d}", "category": category, "text": text}
        for category, texts in GOOD.items()
        for number, text in enumerate((*texts, *([more[category]] if category in more else [])), start=1)
    ]
    path = folder / "speech.yaml"
    path.write_text(yaml.safe_dump({"domain": "speech", "version": 1, "prompts": entries}), encoding="utf-8")
    return path


def faults_of(path: Path) -> list[str]:
    return [str(fault).removeprefix(f"{path}: ") for fault in check_pool(path).faults]


def test_a_good_pool_has_no_faults_and_is_counted(tmp_path: Path) -> None:
    check = check_pool(
        write_pool(tmp_path, descriptive="Does the speaker pause, and where does that happen in the clip?")
    )
    assert check.faults == ()
    assert check.categories == {"descriptive": 4, "role_play": 3, "open_ended": 3}
    assert check.words == (3, 4, 5, 5, 12)


@pytest.mark.parametrize("copy", ["name the LANGUAGE!", "  Name - the language?", "Name the language..."])
def test_the_same_words_with_other_punctuation_are_one_fault(tmp_path: Path, copy: str) -> None:
    assert faults_of(write_pool(tmp_path, descriptive=copy)) == [
        "prompt speech-descriptive-004: repeats the text of speech-descriptive-003: reword one or remove it"
    ]


@pytest.mark.parametrize(
    "variant",
    [
        "How loud is this voice?",
        "How loud is the voice? Answer in one short sentence.",
        "In a single sentence: how loud is the voice?",
        "How loud are the voices?",
        "The voice: how loud is it?",
    ],
)
def test_a_variant_names_its_twin_with_the_likeness(tmp_path: Path, variant: str) -> None:
    (fault,) = faults_of(write_pool(tmp_path, descriptive=variant))
    assert re.fullmatch(
        r"prompt speech-descriptive-004: \d+% like speech-descriptive-002 \('How loud is the voice\?'\): "
        "ask something else or remove one",
        fault,
    )


@pytest.mark.parametrize("other", ["How loud is the background?", "Where is the voice?", "What makes a voice loud?"])
def test_another_question_in_similar_words_is_no_variant(tmp_path: Path, other: str) -> None:
    assert faults_of(write_pool(tmp_path, descriptive=other)) == []


def test_a_variant_in_another_category_is_found(tmp_path: Path) -> None:
    (fault,) = faults_of(write_pool(tmp_path, open_ended="Answer the speaker: you are a pirate."))
    assert fault.startswith("prompt speech-open_ended-004: 100% like speech-role_play-001")


@pytest.mark.parametrize("threshold", [0.3, 0.45, 0.6])
def test_looking_only_at_rare_pieces_loses_no_pair(threshold: float) -> None:
    texts = [prompt.text for prompt in load_pools()[Domain.SOUND].prompts[::3]]
    alone = {
        pair for pair in combinations(range(len(texts)), 2) if any(near_duplicates([texts[i] for i in pair], threshold))
    }
    assert {later for later, _, _ in near_duplicates(texts, threshold)} == {later for _, later in alone}


@pytest.mark.parametrize(
    "text",
    [
        "What is said in the text above?",
        "Summarise the description in one sentence.",
        "Repeat the words in brackets.",
        "Which speaker is listed first?",
        "Use the information provided and guess the mood.",
        "What does the paragraph below say?",
    ],
)
def test_a_leak_is_a_fault(tmp_path: Path, text: str) -> None:
    (fault,) = faults_of(write_pool(tmp_path, open_ended=text))
    assert re.fullmatch(r"prompt speech-open_ended-004: '\w+' betrays that the model reads .*: say it otherwise", fault)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Why?", "has 1 words, want at least 3: ask in full"),
        (" ".join(f"word{number}" for number in range(31)), "has 31 words, want at most 30: shorten it"),
        (" ", "the text is empty: write it or remove the prompt"),
        ("?!", "has 1 words, want at least 3: ask in full"),
        (
            "Here is a question: ",
            "is not whole sentences in one line: end it with a full stop, question mark or exclamation mark",
        ),
        (
            "Who is it?\nAnd where?",
            "is not whole sentences in one line: end it with a full stop, question mark or exclamation mark",
        ),
        ('Who says "stop?', "has an odd number of quotation marks: close or remove them"),
    ],
)
def test_a_prompt_of_unreadable_length_or_form_is_a_fault(tmp_path: Path, text: str, complaint: str) -> None:
    assert faults_of(write_pool(tmp_path, role_play=text)) == [f"prompt speech-role_play-004: {complaint}"]


def test_a_category_with_too_few_prompts_is_a_fault_of_the_file(tmp_path: Path) -> None:
    path = write_pool(tmp_path)
    path.write_text(re.sub(r"- category: role_play\n.*\n.*\n", "", path.read_text("utf-8"), count=2), encoding="utf-8")
    assert faults_of(path) == ["3 descriptive prompts and 1 role_play: at most 1.5 to 1: add role_play"]


def test_every_fault_is_told_and_not_only_the_first(tmp_path: Path) -> None:
    path = write_pool(tmp_path, descriptive="How loud is this voice?", open_ended="Why?")
    path.write_text(path.read_text("utf-8").replace("Name the language.", "Name the caption."), encoding="utf-8")
    prompts = [fault.prompt_id for fault in check_pool(path).faults]
    assert sorted(map(str, prompts)) == ["speech-descriptive-003", "speech-descriptive-004", "speech-open_ended-004"]


@pytest.mark.parametrize(
    ("content", "complaints"),
    [
        (b"", ["mend the file: Input should be"]),
        (b"prompts: [", ["mend or restore it: while parsing"]),
        (b"\xff\xfe\x00prompts", ["mend or restore it: "]),
        (b"just words", ["mend the file: Input should be"]),
        (b"domain: speech\nversion: 1\nprompts: []\n", ["holds no prompts: add some"]),
        (
            b"domain: talk\nversion: 1\nprompts: [{id: 5, category: descriptive}]\n",
            ["mend domain: ", "mend prompts.0.id: ", "mend prompts.0.text: Field required"],
        ),
    ],
)
def test_a_file_that_is_no_pool_is_told_line_by_line(tmp_path: Path, content: bytes, complaints: list[str]) -> None:
    path = tmp_path / "speech.yaml"
    path.write_bytes(content)
    faults = faults_of(path)
    assert len(faults) == len(complaints)
    assert all(fault.startswith(complaint) for fault, complaint in zip(faults, complaints, strict=True))
    assert not any("\n" in fault for fault in faults)


def test_a_folder_should_hold_a_pool_of_each_domain(tmp_path: Path) -> None:
    write_pool(tmp_path)
    (tmp_path / "talk.yaml").write_text("domain: speech\n", encoding="utf-8")
    assert [path.name for path in pool_paths(tmp_path)] == ["music.yaml", "sound.yaml", "speech.yaml", "talk.yaml"]
    assert "No such file" in faults_of(tmp_path / "music.yaml")[0]


@pytest.mark.parametrize(("domain", "size"), [("speech", 600), ("sound", 200), ("music", 200)])
def test_what_ships_has_no_faults_and_its_stated_size(domain: str, size: int) -> None:
    check = check_pool(POOLS_FOLDER / f"{domain}.yaml")
    assert check.faults == ()
    assert len(check.entries) >= size
    assert min(check.categories[category] for category in PromptCategory) >= 0.3 * size


@pytest.mark.parametrize("domain", Domain)
def test_what_ships_is_short_and_every_second_prompt_asks_for_a_short_answer(domain: Domain) -> None:
    texts = [prompt.text for prompt in load_pools()[domain].prompts]
    assert [text for text in texts if len(text) > 160 or not re.fullmatch(r"\S.*[.?]", text)] == []
    assert sum(len(text.split()) <= 20 for text in texts) >= 0.9 * len(texts)
    assert sum(SHORT_ANSWER.search(text) is not None for text in texts) >= 0.5 * len(texts)
