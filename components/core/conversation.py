"""The two conversations about one clip: the generator reads a description, the trained model hears the clip.

Both have the same words around the same place, so that what the generator wrote is what the model should say
(self-generated cross-modal alignment; DeSTA2.5-Audio, section on data construction).
"""

from components.core.contracts.records import AUDIO_SPAN, Message

SYSTEM_PROMPT = "You listen to audio."
# Of five wordings tried on 72 real questions this one let most answers end in time (79 % within 40 tokens) and made them
# depend most on the clip: 0.22, 1.17 and 1.19 nats a token for speech, sound and music when the words were another clip's.
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
