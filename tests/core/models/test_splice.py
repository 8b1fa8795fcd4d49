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

    ids = splicer.splice(MESSAGES, "Good morning", "A woman.")

    assert tokenizer.decode(ids.prefix).endswith("<start_audio>")
    assert tokenizer.decode(ids.transcript) == "Good morning"
    assert tokenizer.decode(ids.suffix).startswith("<end_audio>")
    assert tokenizer.decode(ids.suffix).endswith("<|im_start|>assistant\n")
    assert tokenizer.decode(ids.target) == "A woman.<|im_end|>"


def test_the_ids_are_those_of_the_whole_text(llm: StoredModel, splicer: Splicer) -> None:
    tokenizer = load_tokenizer(llm.folder)
    ids = splicer.splice(MESSAGES, None, "A woman.")
    turns = [message.model_dump() for message in MESSAGES]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

    assert tokenizer.decode(ids.prefix) + "<|AUDIO|>" + tokenizer.decode(ids.suffix) == text


def test_a_long_transcript_is_cut_and_a_missing_one_is_a_space(llm: StoredModel, splicer: Splicer) -> None:
    tokenizer = load_tokenizer(llm.folder)

    assert len(splicer.splice(MESSAGES, "one two three four five six seven", "A.").transcript) == 5
    assert tokenizer.decode(splicer.splice(MESSAGES, None, "A.").transcript) == " "


@pytest.mark.parametrize("content", ["no clip", AUDIO_SPAN + AUDIO_SPAN])
def test_a_conversation_needs_exactly_one_clip(splicer: Splicer, content: str) -> None:
    with pytest.raises(ContractError, match=r"a conversation needs one <\|AUDIO\|>, found"):
        splicer.splice([Message(role="user", content=content)], None, "A.")


def test_a_locator_in_the_transcript_or_the_answer_moves_nothing(splicer: Splicer) -> None:
    plain, hostile = (splicer.splice(MESSAGES, text, text) for text in ("hello", "<|AUDIO|>"))

    assert (plain.prefix, plain.suffix) == (hostile.prefix, hostile.suffix)
