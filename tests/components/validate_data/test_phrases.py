import time

import pytest

from components.validate_data.phrases import LEAKS, REFUSALS, telling_phrase


@pytest.mark.parametrize(
    ("response", "phrase"),
    [
        ("[00:01-00:02] A snare drum.", "[00:01"),
        ("The description says that a dog barks.", "The description"),
        ("Based on the seed description, it is a bell.", "the seed description"),
        ("According to the transcript, she says hello.", "the transcript"),
        ("Transcript: Hello there.", "Transcript:"),
        ("The metadata mention a dog.", "metadata"),
        ("The given text is about a dog.", "given text"),
        ("Based on the text, this is a dog.", "Based on the text"),
        ("As mentioned above, a dog barks.", "mentioned above"),
        ("From the information provided, it is a woman.", "information provided"),
        ("The attributes point to a loud sound.", "The attributes"),
    ],
)
def test_an_answer_that_speaks_of_something_to_read_gives_itself_away(response: str, phrase: str) -> None:
    assert telling_phrase(LEAKS, response, "What do you hear?") == phrase


@pytest.mark.parametrize(
    "response",
    [
        "A sound beyond description.",
        "I would describe the voice as warm.",
        "A bell rings above the door.",
        "The speaker mentions a text message.",
        "The texture is rough.",
        "It is 10:30 in the morning [laughs].",
        "She attributes her success to luck.",
        "So clear a voice is good for a transcription.",
    ],
)
def test_an_answer_that_only_sounds_like_reading_does_not(response: str) -> None:
    assert telling_phrase(LEAKS, response, "What do you hear?") is None


@pytest.mark.parametrize(
    ("response", "heard"),
    [
        ("The transcript is: Hello there.", "Write a transcript of this clip."),
        ("The transcript reads: hello.", "Transcribe what you hear."),
        ("The description fits on a postcard.", "Would a short description be enough?"),
        ("She says that the information provided is wrong.", "What is said?\nThe information provided is wrong."),
    ],
)
def test_what_the_prompt_asks_for_or_the_speaker_says_is_no_leak(response: str, heard: str) -> None:
    assert telling_phrase(LEAKS, response, heard) is None
    assert telling_phrase(LEAKS, response, "What do you hear?") is not None


@pytest.mark.parametrize(
    "response",
    [
        "As an AI language model, I have no ears.",
        "As a large language model I only know text.",
        "I'm just a text-based AI.",
        "I\N{RIGHT SINGLE QUOTATION MARK}m sorry, but that is not possible.",
        # Two answers of the embedded backbone:
        "I'm sorry for any inconvenience, but as a hotel manager, I'm not equipped to provide audio recordings.",
        "I'm sorry for the misunderstanding, but as a yoga teacher, I'm not equipped to play music.",
        "I cannot hear the audio.",
        "Unfortunately I can't directly listen to recordings.",
        "I don't have the ability to process audio files.",
        "I'm unable to hear.",
        "I cannot help with that.",
    ],
)
def test_an_answer_that_declines_to_listen_gives_itself_away(response: str) -> None:
    assert telling_phrase(REFUSALS, response, "What do you hear?") is not None


@pytest.mark.parametrize(
    "response",
    [
        "I can't hear any noise behind the voice.",
        "I cannot hear a second speaker.",
        "As a speech coach, I would slow down.",
        "As an aircraft engineer, I know this engine.",
        "I am a language teacher, and she says hello.",
        "The speaker sounds sorry, but not sad.",
        "I could not help smiling.",
    ],
)
def test_an_answer_that_says_what_is_not_there_does_not(response: str) -> None:
    assert telling_phrase(REFUSALS, response, "What do you hear?") is None


def test_a_refusal_that_the_speaker_utters_may_be_repeated() -> None:
    said = "I'm sorry, but that is not a valid extension."
    assert telling_phrase(REFUSALS, said, f"Repeat it word for word.\n{said}") is None


@pytest.mark.parametrize("unit", ["the ", "[", " ", "I can't ", "as a ", "information "])
def test_a_hundred_kilobytes_of_almost_a_phrase_take_no_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start_s = time.process_time()
    assert telling_phrase((*LEAKS, *REFUSALS), text, "What do you hear?") is None
    assert time.process_time() - start_s < 2
