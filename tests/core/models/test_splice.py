import pytest

from components.core.contracts.errors import ContractError
from components.core.contracts.records import AUDIO_SPAN, Message
from components.core.conversation import audio_conversation
from components.core.models.loading import load_tokenizer
from components.core.models.splice import Splicer
from components.core.models.store import StoredModel

MESSAGES = audio_conversation("Who speaks?")


@pytest.fixture(scope="module")
def splicer(llm: StoredModel) -> Splicer:
    return Splicer(load_tokenizer(llm.folder), max_transcript_tokens=5)


def test_the_audio_stands_between_its_tags(llm: StoredModel, splicer: Splicer) -> None:
    tokenizer = load_tokenizer(llm.folder)

    ids = splicer.splice(MESSAGES, ["Good morning"], "A woman.")

    before, after = ids.pieces
    assert tokenizer.decode(before).endswith("<start_audio>")
    assert tokenizer.decode(after).startswith("Good morning<end_audio>")
    assert tokenizer.decode(after).endswith("<|im_start|>assistant\n")
    assert tokenizer.decode(ids.target) == "A woman.<|im_end|>"


def test_the_ids_are_those_of_the_whole_text(llm: StoredModel, splicer: Splicer) -> None:
    tokenizer = load_tokenizer(llm.folder)
    ids = splicer.splice(MESSAGES, [None], "A woman.")
    turns = [message.model_dump() for message in MESSAGES]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

    before, after = map(tokenizer.decode, ids.pieces)
    assert before + "<|AUDIO|>" + after.removeprefix(" ") == text


def test_a_long_transcript_is_cut_and_a_missing_one_is_a_space(llm: StoredModel, splicer: Splicer) -> None:
    tokenizer = load_tokenizer(llm.folder)

    silent = splicer.splice(MESSAGES, [None], "A.").pieces[1]
    spoken = splicer.splice(MESSAGES, ["one two three four five six seven"], "A.").pieces[1]
    assert tokenizer.decode(silent).startswith(" <end_audio>")
    assert tokenizer.decode(spoken).startswith("one two three four five<end_audio>")
    assert len(spoken) == len(silent) - 1 + 5


def test_several_clips_stand_in_their_order(llm: StoredModel, splicer: Splicer) -> None:
    question = Message(role="user", content=f"Is {AUDIO_SPAN} like {AUDIO_SPAN}?")

    ids = splicer.splice([question], ["one", "two"], "Yes.")

    pieces = load_tokenizer(llm.folder).batch_decode(ids.pieces)
    assert ids.clips == 2
    assert pieces[1] == "one<end_audio> like <start_audio>"
    assert pieces[2].startswith("two<end_audio>?")
    assert ids.length(16) == sum(map(len, ids.pieces)) + 32 + len(ids.target)


@pytest.mark.parametrize("content", ["no clip", AUDIO_SPAN + AUDIO_SPAN])
def test_a_conversation_needs_a_place_for_each_clip(splicer: Splicer, content: str) -> None:
    with pytest.raises(ContractError, match=r"an <\|AUDIO\|> for each of its clips: want 1, found"):
        splicer.splice([Message(role="user", content=content)], [None], "A.")


def test_a_locator_in_the_transcript_or_the_answer_moves_nothing(llm: StoredModel, splicer: Splicer) -> None:
    plain, hostile = (splicer.splice(MESSAGES, [text], text) for text in ("hello", "<|AUDIO|>"))

    end = load_tokenizer(llm.folder)("<end_audio>", add_special_tokens=False)["input_ids"]
    assert plain.pieces[0] == hostile.pieces[0]
    assert _after(plain.pieces[1], end) == _after(hostile.pieces[1], end)


def _after(ids: tuple[int, ...], mark: list[int]) -> tuple[int, ...]:
    places = [n for n in range(len(ids)) if list(ids[n : n + len(mark)]) == mark]
    return ids[places[0] :]
