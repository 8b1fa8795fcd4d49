"""A pool grows by what the backbone writes and no rule is against; killed, the expansion ends with the same bytes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Domain
from components.core.models.store import StoredModel
from components.self_generate.expand_prompts import main
from components.self_generate.generation import Asked, Generator, Reply
from components.self_generate.prompt_checks import check_pool
from components.self_generate.prompt_expansion import Account, Expansion, Rule, candidate, expand
from components.self_generate.prompt_pool import POOLS_FOLDER, PoolFile, PromptCategory, load_pool
from components.self_generate.vllm_generator import VllmGenerator
from tests.components.self_generate.making import make_decoding

TEXTS = {
    "descriptive": ("How loud is it?", "Which animal barks in the yard?"),
    "role_play": ("You are a farmer. Is the fox near?", "Play a clown who laughs about thunder."),
    "open_ended": ("Whose birthday might they celebrate?", "Could snow have muffled everything outside?"),
}
ENTRIES = [
    f'  - {{id: sound-{category}-{number:03d}, category: {category}, text: "{text}"}}\n'
    for category, texts in TEXTS.items()
    for number, text in enumerate(texts, 7)
]


class Writer:
    """Says one line after the other, whatever it is asked, and keeps what it was shown."""

    def __init__(self, lines: Iterator[str], finish_reason: str = "stop") -> None:
        self._lines, self._finish_reason = lines, finish_reason
        self.shown: list[list[str]] = []

    def generate(self, questions: Sequence[Asked]) -> Sequence[Reply]:
        self.shown += [[m.content for m in q.conversation if m.role == "assistant"] for q in questions]
        return [
            Reply(
                sample_id=question.sample_id,
                response=next(self._lines),
                finish_reason=self._finish_reason,
                prompt_tokens=9,
                response_tokens=9,
                nll_per_token=None,
            )
            for question in questions
        ]


def novel() -> Iterator[str]:
    """Questions that have little in common."""
    words = ("moss", "quartz", "violin", "jungle", "fjord", "zephyr", "igloo", "pyramid", "kettle", "obelisk", "walnut")
    return (f"Does {words[n % 11]}{n} befit {words[(n * 7 + n // 11) % 11][::-1]}{n * 37}?" for n in count(1))


@pytest.fixture
def source(tmp_path: Path) -> PoolFile:
    path = tmp_path / "sound.yaml"
    path.write_text("domain: sound\nversion: 4\nprompts:\n" + "".join(ENTRIES), encoding="utf-8")
    pool = check_pool(path).pool
    assert pool is not None
    return pool


@pytest.fixture
def ask(source: PoolFile) -> Callable[..., Expansion]:
    def asked(**changes: int) -> Expansion:
        values = {"to": 18, "batch": 4, "patience": 9, **changes}
        return Expansion(source=source, author="a" * 64, decoding=make_decoding(), **values)

    return asked


def grow(expansion: Expansion, generator: Generator, folder: Path) -> Account:
    *_, last = expand(expansion, generator, folder)
    return last


def test_new_prompts_have_ids_of_their_own_a_parent_and_an_author(
    ask: Callable[..., Expansion], tmp_path: Path
) -> None:
    account = grow(ask(), Writer(novel()), tmp_path / "out")
    assert str(account) == "asked 12, kept 12, refused 0"
    check = check_pool(tmp_path / "out" / "sound.yaml")
    assert check.faults == ()
    assert check.pool is not None
    assert check.pool.version == 5
    old, new = check.entries[:6], check.entries[6:]
    assert all(entry.parent is None for entry in old)
    assert {entry.author for entry in new} == {"a" * 64}
    for category in PromptCategory:
        mine = [entry for entry in new if entry.category == category]
        assert [entry.id for entry in mine] == [f"sound-{category}-{number:03d}" for number in range(9, 13)]
        assert all(str(entry.parent).startswith(f"sound-{category}-") for entry in mine)


def test_the_backbone_is_shown_its_own_category_and_the_parent_last(
    ask: Callable[..., Expansion], tmp_path: Path
) -> None:
    writer = Writer(novel())
    grow(ask(batch=1, to=8), writer, tmp_path / "out")
    entries = check_pool(tmp_path / "out" / "sound.yaml").entries
    texts = {entry.id: entry.text for entry in entries}
    for entry, shown in zip(entries[6:], writer.shown, strict=True):
        assert shown[-1] == texts[str(entry.parent)]
        assert set(shown[:-1]) <= set(TEXTS[entry.category])


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("Name it!", Rule.LENGTH),
        ("", Rule.LENGTH),
        ("why " * 31 + "?", Rule.LENGTH),
        ("Here is a new request:", Rule.FORM),
        ("Who barks \x7f there?", Rule.FORM),
        ('It says: "Who barks there?', Rule.FORM),
        ("What does the caption tell you?", Rule.LEAK),
        ("How LOUD, is it?!", Rule.REPEATED),
        ("Which animal barks in this yard?", Rule.NEAR_DUPLICATE),
    ],
)
def test_what_breaks_a_rule_is_refused_and_counted(
    line: str, rule: Rule, ask: Callable[..., Expansion], tmp_path: Path
) -> None:
    account = grow(ask(), Writer(iter([line] * 12)), tmp_path / "out")
    assert account.kept == 0
    assert account.refused == {rule.value: 12}
    assert account.refused_in_a_row == 12
    assert check_pool(tmp_path / "out" / "sound.yaml").faults == ()


@pytest.mark.parametrize(
    "text",
    ['He asks: "Who\'s there?" Why?', "{a}: [b, c] # d \\n?", "¿Qué é isto 🐸, やあ?", "null: - & * ! | > % @ `?"],
)
def test_what_is_kept_is_read_back_as_it_was(text: str, ask: Callable[..., Expansion], tmp_path: Path) -> None:
    grow(ask(to=7), Writer(iter([text] * 4)), tmp_path / "out")
    assert check_pool(tmp_path / "out" / "sound.yaml").entries[-1].text == text


def test_an_answer_that_was_cut_off_is_refused(ask: Callable[..., Expansion], tmp_path: Path) -> None:
    account = grow(ask(), Writer(novel(), "length"), tmp_path / "out")
    assert account.refused == {Rule.CUT_OFF.value: 12}


def test_a_category_that_nobody_adds_to_holds_the_others_back(ask: Callable[..., Expansion], tmp_path: Path) -> None:
    expansion = ask(batch=3)
    lines = (text if number % 3 else "no." for number, text in enumerate(novel()))
    account = grow(expansion, Writer(lines), tmp_path / "out")
    check = check_pool(tmp_path / "out" / "sound.yaml")
    assert check.faults == ()
    assert account.asked == account.kept + sum(account.refused.values())


@pytest.mark.parametrize("batches", [1, 2])
def test_an_expansion_that_was_killed_ends_with_the_same_bytes(
    batches: int, ask: Callable[..., Expansion], tmp_path: Path
) -> None:
    lines = list(islice(novel(), 60))
    lines[::3] = ["Say it."] * 20
    grow(ask(), Writer(iter(lines)), tmp_path / "whole")
    killed = expand(ask(), Writer(iter(lines)), tmp_path / "killed")
    states = [next(killed) for _ in range(batches + 1)]
    file = tmp_path / "killed" / "sound.expansion.json"
    file.write_text(states[-2].model_dump_json(indent=1) + "\n")  # killed before the account of the last batch
    assert grow(ask(), Writer(iter(lines[states[-2].asked :])), tmp_path / "killed").kept == 12
    for name in ("sound.yaml", "sound.expansion.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_larger_pool_goes_on_where_a_smaller_one_ended(ask: Callable[..., Expansion], tmp_path: Path) -> None:
    lines = novel()
    out = tmp_path / "out"
    grow(ask(to=10), Writer(lines), out)
    before = check_pool(out / "sound.yaml").entries
    account = grow(ask(to=14), Writer(lines), out)
    assert (account.asked, account.kept) == (8, 8)
    assert check_pool(out / "sound.yaml").entries[:10] == before


@pytest.fixture
def begun(ask: Callable[..., Expansion], tmp_path: Path) -> Path:
    grow(ask(to=10), Writer(novel()), tmp_path / "out")
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda out: (out / "sound.expansion.json").unlink(), "a pool is here that no expansion wrote"),
        (lambda out: (out / "sound.expansion.json").write_text("{"), "not the account of an expansion"),
        (lambda out: (out / "sound.yaml").unlink(), "is not what its account says"),
        (
            lambda out: (out / "sound.yaml").write_text((out / "sound.yaml").read_text().replace("yard", "barn")),
            "is not what its account says",
        ),
    ],
    ids=["no account", "broken account", "no pool", "another pool"],
)
def test_a_beginning_that_is_damaged_is_one_line(
    damage: Callable[[Path], object], said: str, begun: Path, ask: Callable[..., Expansion]
) -> None:
    damage(begun)
    with pytest.raises(ConfigurationError, match=said):
        grow(ask(), Writer(novel()), begun)


def test_the_beginning_of_another_expansion_is_not_taken_up(begun: Path, ask: Callable[..., Expansion]) -> None:
    other = replace(ask(), decoding=make_decoding(temperature=0.3))
    with pytest.raises(ConfigurationError, match="was begun with another pool, model, seed, temperature or batch"):
        grow(other, Writer(novel()), begun)


@pytest.mark.usefixtures("source")
def test_who_wrote_a_prompt_changes_neither_what_is_asked_nor_its_name(tmp_path: Path) -> None:
    """The digest is written out: sample ids and pools of runs before there were parents have to stay what they were."""
    plain = tmp_path / "sound.yaml"
    digest = load_pool(plain).digest
    assert digest == "11ec64b6d74881b7a37f2f508320dea3c142eaef3258063844a8debf15c85997"
    told = tmp_path / "told" / "sound.yaml"
    told.parent.mkdir()
    origin = f", parent: sound-descriptive-007, author: {'b' * 64}"
    lines = plain.read_text("utf-8").replace('outside?"', f'outside?"{origin}')
    assert origin in lines
    told.write_text(lines, encoding="utf-8")
    assert load_pool(told).digest == digest
    assert load_pool(told).prompts == load_pool(plain).prompts


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (", parent: sound-descriptive-007", "only one of parent and author"),
        (f", author: {'b' * 64}", "only one of parent and author"),
        (f", parent: sound-descriptive-001, author: {'b' * 64}", "its parent sound-descriptive-001 is no other prompt"),
        (f", parent: sound-open_ended-008, author: {'b' * 64}", "its parent sound-open_ended-008 is no other prompt"),
        (", parent: sound-descriptive-007, author: me", r"mend prompts\.5\.author"),
    ],
)
@pytest.mark.usefixtures("source")
def test_an_origin_that_cannot_be_is_a_fault(origin: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "sound.yaml"
    path.write_text(path.read_text("utf-8").replace('outside?"', f'outside?"{origin}'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        load_pool(path)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("5. What falls down?", "What falls down?"),
        ('Request 5: "What falls down?"\nIt asks for more.', "What falls down?"),
        ("\n- *What falls  down?*", "What falls down?"),
        ("“What falls down?”", "What falls down?"),
        ("3 times: what rings?", "3 times: what rings?"),
        ("...", ""),
    ],
)
def test_the_prompt_is_taken_out_of_an_answer(answer: str, text: str) -> None:
    assert candidate(answer) == text


def test_the_real_backbone_adds_to_the_pool_that_ships(llm: StoredModel, tmp_path: Path) -> None:
    pool = check_pool(POOLS_FOLDER / "sound.yaml").pool
    assert pool is not None
    # The engine of the other tests: one is started once in a process.
    generator = VllmGenerator(
        model=llm,
        dtype="float32",
        decoding=make_decoding(temperature=1.0, max_tokens=24),
        at_once=8,
        window_tokens=256,
    )
    decoding = generator.decoding
    had = len(pool.prompts)
    expansion = Expansion(source=pool, to=had + 2, author="a" * 64, decoding=decoding, batch=8, patience=64)
    account = grow(expansion, generator, tmp_path)
    check = check_pool(tmp_path / "sound.yaml")
    assert check.faults == ()
    assert account.asked == account.kept + sum(account.refused.values())
    assert len(check.entries) == had + account.kept > had
    assert load_pool(tmp_path / "sound.yaml").domain is Domain.SOUND


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--to", "9"), "--to 9: the pool has "),
        (("--to", "2000", "--temperature", "-1"), "--temperature -1.0: Input should be greater than or equal to 0"),
        (("--to", "2000", "--temperature", "nan"), "--temperature nan: Input should be"),
        (("--to", "2000", "--seed", "9" * 30), "--seed 999999"),
        (("--to", "2000", "--temperature", "inf"), "--temperature inf: Input should be"),
        (("--to", "2000", "--batch", "0"), "--batch 0: want at least 1"),
        (("--to", "2000", "--pools", "/nowhere"), "/nowhere/sound.yaml: mend or restore it"),
        (("--to", "2000", "--llm", "pypi://no-such@0"), "pypi://no-such@0"),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_cannot_be_is_said_before_a_model_is_started(
    flags: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--domain", "sound", "--out", str(tmp_path / "out"), *flags])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists()
