"""The two conversations about one clip: the generator reads a description, the trained model hears the clip.

Both have the same words around the same place, so that what the generator wrote is what the model should say
(self-generated cross-modal alignment; DeSTA2.5-Audio, section on data construction).
"""

from components.core.contracts.records import AUDIO_SPAN, Message

SYSTEM_PROMPT = "You listen to audio."
# Of the wordings tried on 72 real questions most answers end in time with this one: 79 % within 40 tokens, where
# asking for one short sentence in the system prompt gave 69 %.
ANSWER_FORM = "Name what you hear, in one short English sentence."


def text_conversation(seed_description: str, prompt: str) -> tuple[Message, ...]:
    """Return what the generator reads: the description stands where the clip will be."""
    return _conversation(seed_description, prompt)


def audio_conversation(prompt: str) -> tuple[Message, ...]:
    """Return what the trained model reads: the audio span stands for the clip."""
    return _conversation(AUDIO_SPAN, prompt)


def _conversation(clip: str, prompt: str) -> tuple[Message, ...]:
    return (
        Message(role="system", content=SYSTEM_PROMPT),
        Message(role="user", content=f"{clip}\n{prompt} {ANSWER_FORM}"),
    )
