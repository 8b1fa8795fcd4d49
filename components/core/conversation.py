"""The two conversations about one clip: the generator reads a description, the trained model hears the clip.

Both have the same words around the same place, so that what the generator wrote is what the model should say
(self-generated cross-modal alignment; DeSTA2.5-Audio, section on data construction).
"""

from components.core.contracts.records import AUDIO_SPAN, Message

SYSTEM_PROMPT = "You listen to audio."
# Of the wordings tried on the sample corpora this one leaves most answers to train on: 609 of 828 were accepted, and
# 515 where the question and this sentence followed the clip on one line without a label.
ANSWER_FORM = "Name what you hear, in one short English sentence."


def text_conversation(seed_description: str, prompt: str) -> tuple[Message, ...]:
    """Return what the generator reads: the description stands where the clip will be."""
    return _conversation(seed_description, prompt)


def audio_conversation(prompt: str, clips: int = 1) -> tuple[Message, ...]:
    """Return what the trained model reads: an audio span stands for each clip."""
    return _conversation(AUDIO_SPAN * clips, prompt)


def _conversation(clip: str, prompt: str) -> tuple[Message, ...]:
    return (
        Message(role="system", content=SYSTEM_PROMPT),
        Message(role="user", content=f"{clip}\n\nQuestion: {prompt}\n{ANSWER_FORM}"),
    )
