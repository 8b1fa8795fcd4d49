from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError, ContractError, DestaError
from components.core.contracts.records import AUDIO_SPAN
from components.core.home import Home
from components.core.inference.answers import Spelling
from components.core.inference.conversation import read_conversation
from components.core.inference.desta_model import DestaModel
from components.core.models.decoding import greedy
from components.core.models.loading import load_llm, load_tokenizer
from components.core.models.store import StoredModel
from tests.builders import make_tone
from tests.components.extract_metadata.making import spoken
from tests.core.inference.making import asking, untrained_model
from tests.core.models.test_lora import trained_lora

TONE, HIGH_TONE = make_tone(), make_tone(hertz=900.0, duration_s=0.5)
HEARD: dict[str, Any] = {"sampling_rate": 16_000, "text": "Good morning"}
QUESTIONS = ["Name a colour.", "What is the capital of France? Answer in one word."]


@pytest.fixture(scope="module")
def folder(encoder: StoredModel, llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_model(tmp_path_factory.mktemp("untrained") / "model", encoder, llm)


@pytest.fixture(scope="module")
def model(folder: Path, llm: StoredModel) -> DestaModel:
    return DestaModel.from_pretrained(folder, models=llm.folder.parent)


def user(question: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": question}]


def greedily(model: DestaModel, conversations: Any, tokens: int = 12) -> list[tuple[int, ...]]:
    return [said.tokens for said in model.generate(conversations, do_sample=False, max_new_tokens=tokens)]


def test_text_alone_gets_the_frozen_llms_own_answer(model: DestaModel, llm: StoredModel) -> None:
    plain, tokenizer = load_llm(llm.folder), load_tokenizer(llm.folder)
    asked = user(QUESTIONS[1])
    ids = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    answer = plain.generate(**ids, max_new_tokens=16, do_sample=False)[0, ids["input_ids"].shape[1] :]
    alone, beside = model.generate([asked, asking("?", TONE, **HEARD)], do_sample=False, max_new_tokens=16, batch=1)
    assert alone.tokens == tuple(answer.tolist())
    assert alone.text == tokenizer.decode(answer, skip_special_tokens=True)
    assert (alone.prompt_tokens, alone.audio_tokens) == (ids["input_ids"].shape[1], 0)
    assert (beside.audio_tokens, len(beside.clips)) == (4, 1)


def test_a_lora_speaks_in_every_answer(
    model: DestaModel, encoder: StoredModel, llm: StoredModel, tmp_path: Path
) -> None:
    lora = trained_lora(load_llm(llm.folder))
    folder = untrained_model(tmp_path / "model", encoder, llm, lora=lora)
    other = DestaModel.from_pretrained(folder, models=llm.folder.parent)

    assert other.name != model.name
    for question in (user(QUESTIONS[1]), asking("?", TONE, **HEARD)):
        assert greedily(other, question) != greedily(model, question)


def test_many_conversations_are_answered_as_each_alone(model: DestaModel) -> None:
    several = [*asking("What comes first?", TONE, HIGH_TONE, **HEARD), {"role": "assistant", "content": "A tone."}]
    conversations = [
        asking("What is it?", TONE, **HEARD),
        user(QUESTIONS[1]),
        [*several, *asking("And this?", HIGH_TONE, **HEARD)],
        asking("How long is it, and what else do you hear in it? Say all of it.", HIGH_TONE, **HEARD),
    ]
    together = model.generate(conversations, do_sample=False, max_new_tokens=8, batch=3)
    assert [len(said.clips) for said in together] == [1, 0, 3, 1]
    assert [said.tokens for said in together] == [greedily(model, alone, 8)[0] for alone in conversations]


def test_a_drawn_answer_does_not_depend_on_its_neighbours(model: DestaModel) -> None:
    drawn: dict[str, Any] = {"temperature": 2.0, "max_new_tokens": 4}
    many = list(map(user, QUESTIONS))
    alone = [model.generate(question, **drawn, seed=4)[0].tokens for question in many]
    assert [said.tokens for said in model.generate(many, **drawn, seed=4)] == alone
    assert len({model.generate(many[0], **drawn, seed=seed)[0].tokens for seed in range(3)}) > 1


def test_a_stream_says_what_the_answer_says(model: DestaModel) -> None:
    pieces = list(model.stream(user(QUESTIONS[1]), max_new_tokens=12, seed=1))
    (said,) = model.generate(user(QUESTIONS[1]), max_new_tokens=12, seed=1)
    assert len(pieces) > 1
    assert "".join(pieces) == said.text


def test_a_character_of_several_tokens_comes_whole(llm: StoredModel) -> None:
    tokenizer, text = load_tokenizer(llm.folder), "Zoë says 今日は 🦜"
    tokens = tokenizer(text)["input_ids"]
    spelled = Spelling(tokenizer)
    pieces = [spelled.add(token, last=token is tokens[-1]) for token in tokens]
    assert "" in pieces
    assert not any("\N{REPLACEMENT CHARACTER}" in piece for piece in pieces)
    assert "".join(pieces) == spelled.text == text


def test_an_answer_ends_with_its_turn_or_at_its_length(model: DestaModel) -> None:
    short, whole = (model.generate(user(QUESTIONS[1]), do_sample=False, max_new_tokens=n)[0] for n in (2, 64))
    assert (short.finish_reason, len(short.tokens)) == ("length", 2)
    assert whole.finish_reason == "stop"
    assert len(whole.tokens) < 64
    assert "<|im_end|>" not in whole.text


def test_an_answer_that_nobody_wants_leaves_the_others_as_they_are(model: DestaModel) -> None:
    prompts = [model.prepare(user(question), 12) for question in QUESTIONS]
    pieces = list(model.write(prompts, [greedy(12)] * 2, wanted=lambda row: row == 1))
    assert sum(piece.row == 0 for piece in pieces) == 1
    (last,) = [piece.whole for piece in pieces if piece.whole]
    assert last.tokens == greedily(model, user(QUESTIONS[1]))[0]


def test_tags_that_a_caller_writes_are_not_doubled(model: DestaModel) -> None:
    bare, tagged = asking("What is it?", TONE, **HEARD), asking("What is it?", TONE, **HEARD)
    tagged[0]["content"] = tagged[0]["content"].replace("<|AUDIO|>", AUDIO_SPAN)
    assert model.prepare(tagged, 1).row == model.prepare(bare, 1).row


def test_the_callers_words_are_read_and_whisper_is_asked_for_the_others(model: DestaModel) -> None:
    samples, words = spoken()
    told = {"sampling_rate": 16_000}
    silent = [
        model.prepare(asking("?", TONE, **told, **text), 1).clips[0] for text in ({"text": "Ding <|im_end|>"}, {})
    ]
    heard = model.prepare(asking("?", samples, **told), 1).clips[0]
    assert [(clip.transcript, clip.transcript_by) for clip in silent] == [("Ding im_end", "caller"), ("", "nobody")]
    assert heard.transcript_by == "whisper"
    assert heard.transcript.split()[:3] == words.split()[:3]


def test_words_beyond_what_training_read_are_left_out_and_that_is_told(model: DestaModel) -> None:
    (clip,) = model.prepare(asking("?", TONE, sampling_rate=16_000, text="one two three " * 20), 1).clips
    assert len(clip.transcript.split()) == 20


def test_a_long_recording_is_read_in_clips_each_with_its_words(model: DestaModel) -> None:
    samples = make_tone(duration_s=70.0)
    prompt = model.prepare(asking("?", samples, sampling_rate=16_000, text="a b c d e f g h i j"), 1)
    assert prompt.row.clips == len(prompt.clips) == 3
    assert [clip.start_s for clip in prompt.clips[1:]] == [clip.end_s for clip in prompt.clips[:-1]]
    assert prompt.clips[-1].end_s == pytest.approx(70.0)
    assert " ".join(clip.transcript for clip in prompt.clips) == "a b c d e f g h i j"


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([], "want a list of messages"),
        ("Hello", "want a list of messages, one at least, got 'Hello'"),
        ([{"role": "user", "content": "Hi"}, "Hello"], "want an object, got 'Hello'"),
        ([{"role": "robot", "content": "Hi"}], "messages[0].role: want one of system, user, assistant, got 'robot'"),
        ([{"role": "user", "content": None}], "messages[0].content: want text, got nothing"),
        ([{"role": "user", "content": "Hi", "audio": "a.wav"}], "messages[0]: unknown key 'audio'"),
        ([{"role": "user", "content": "Hi", "audios": "a.wav"}], "messages[0].audios: want a list"),
        ([{"role": "user", "content": "<|AUDIO|>"}], "messages[0]: 1 <|AUDIO|> in content for 0 audios"),
        ([{"role": "user", "content": "Hi", "audios": [{"audio": b""}]}], "messages[0]: 0 <|AUDIO|> in content for 1"),
        (asking("?", TONE), "messages[0].audios[0].sampling_rate: samples need their rate in Hz, got nothing"),
        (asking("?", "a.wav", sampling_rate=8000), "sampling_rate: is for samples"),
        (asking("?", None, sampling_rate=8000), "want a path, bytes, or samples"),
        (asking("?", b"", text=7), "messages[0].audios[0].text: want a transcript or nothing, got 7"),
        (asking("?", b""), "messages[0].audios[0]: cannot be decoded"),
        (asking("?", b"not audio at all"), "messages[0].audios[0]: cannot be decoded"),
        (asking("?", "/nowhere/a.wav"), "messages[0].audios[0] (/nowhere/a.wav): cannot be read"),
        (asking("?", "/"), "(/): not a regular file"),
        (asking("?", TONE[:0], sampling_rate=16_000), "messages[0].audios[0]: has no samples"),
        (asking("?", TONE * float("nan"), sampling_rate=16_000), "holds samples that are not numbers"),
        (asking("?", TONE, sampling_rate=3), "sample rate 3 Hz"),
        (asking("?", list(range(9)), sampling_rate=16_000), "samples of type int64"),
        ([{"role": "user", "content": "word " * 9000}], "but the window has 8192"),
        ([{"role": "user", "content": "\ud800"}], r"messages[0].content: '\ud800' at character 0 is no character"),
        (asking("?", b"", text="so \udcff"), r"messages[0].audios[0].text: '\udcff' at character 3 is no character"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(model: DestaModel, messages: Any, complaint: str) -> None:
    with pytest.raises(DestaError) as refused:
        model.generate([messages], max_new_tokens=8)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("messages", [None, 5, "Hello", b"Hello", set(QUESTIONS)])
def test_what_is_no_conversation_is_one_clear_line(model: DestaModel, messages: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^messages: want a conversation or a list of them, got "):
        model.generate(messages)


def test_what_cannot_fit_whatever_is_said_in_it_is_refused_unheard(
    model: DestaModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model._ears, "words", lambda _: pytest.fail("it was heard"))
    with pytest.raises(ConfigurationError, match=r"take at least \d+ positions \(8 of them for 2 clips .* has 8192; "):
        model.prepare(asking("?", TONE, HIGH_TONE, sampling_rate=16_000), 8192 - 8)


def test_the_recordings_of_a_conversation_are_limited_together(model: DestaModel) -> None:
    several = asking("?", TONE, HIGH_TONE, TONE, **HEARD)
    assert len(model.prepare(several, 8, longest_s=2.5).clips) == 3
    line = r"messages\[0\].audios\[2\]: is longer than 0.9 s, what those before it leave of 2.4 s, the most that"
    with pytest.raises(DestaError, match=line):
        model.prepare(several, 8, longest_s=2.4)


def test_a_recording_that_cannot_fit_is_not_read_to_its_end(model: DestaModel) -> None:
    with pytest.raises(DestaError, match=r"messages\[0\].audios\[0\]: is longer than 2 s"):
        model.prepare(asking("?", make_tone(duration_s=2.1), sampling_rate=16_000), 8, longest_s=2.0)


@pytest.mark.parametrize(
    "odd",
    [
        {"max_new_tokens": 0},
        *({"temperature": odd} for odd in (-0.1, float("nan"), float("inf"), 1e-50)),
        *({"top_p": odd} for odd in (0.0, 1e-50)),
        *({"seed": odd} for odd in (-1, 2**63, 10**30)),
    ],
)
def test_a_number_out_of_range_is_one_clear_line(model: DestaModel, odd: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"Input should be"):
        model.generate(user("Hi"), **odd)


@pytest.mark.parametrize("batch", [0, -1, 2.5, "8", None, True])
def test_a_batch_of_no_number_of_conversations_is_one_clear_line(model: DestaModel, batch: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^batch .*: want a number of conversations, 1 at least$"):
        model.generate(user("Hi"), batch=batch)


def test_a_draw_at_its_bounds_has_an_end(model: DestaModel) -> None:
    for temperature, top_p, seed in ((1e-3, 1e-6, 2**63 - 1), (1e300, 1.0, 0)):
        drawn: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "seed": seed}
        assert model.generate(user("Hi"), max_new_tokens=2, **drawn)[0].tokens


def test_a_frozen_part_that_is_not_there_is_named_with_what_to_fetch(
    encoder: StoredModel, llm: StoredModel, tmp_path: Path
) -> None:
    folder = untrained_model(tmp_path / "model", encoder, llm, claimed_llm="f" * 64, llm_ref="hf://org/name@v1")
    with pytest.raises(
        ConfigurationError, match=r"llm ffffffffffff is not in the .* desta models fetch hf://org/name@v1$"
    ):
        DestaModel.from_pretrained(folder, models=llm.folder.parent)


def test_a_folder_that_is_no_model_and_a_device_that_is_not_there_are_one_line_each(folder: Path, home: Home) -> None:
    (home.root / "broken").mkdir(parents=True)
    (home.root / "broken" / "config.json").write_text("{}")
    with pytest.raises(ContractError, match=r"config.json: not a model configuration"):
        DestaModel.from_pretrained(home.root / "broken", home=home)
    with pytest.raises(ConfigurationError, match=r"device 'tpu': this machine has cpu"):
        DestaModel.from_pretrained(folder, home=home, device="tpu")


def test_a_conversation_is_not_changed_by_reading_it() -> None:
    messages = asking("?", TONE, **HEARD)
    before = [dict(message) for message in messages]
    read_conversation(messages)
    assert messages[0].keys() == before[0].keys()
    assert messages[0]["content"] == before[0]["content"]
