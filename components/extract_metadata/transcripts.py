"""Whose words a transcript is: the corpus's own, else Whisper's where somebody is heard to speak, else nobody's."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from components.core.cleaning import clean
from components.core.contracts.records import Clip, Domain
from components.core.models.whisper import Whisper
from components.extract_metadata.heard import BY_CORPUS, HeardClip
from components.extract_metadata.settings import ExtractMetadataSettings
from components.extract_metadata.written_form import written_form


@dataclass(frozen=True)
class Transcript:
    """Words, and who wrote them: `corpus`, or `asr:` and the digest of the model."""

    text: str
    by: str


class Transcripts:
    """Finds the transcripts of clips, and counts where they came from or why there is none."""

    def __init__(self, whisper: Whisper, settings: ExtractMetadataSettings) -> None:
        self._whisper, self._settings = whisper, settings
        self.origins: Counter[str] = Counter()
        """Clips of speech, or their parts, by `corpus`, `asr`, or what stood in the way of a transcript."""

    def of(self, heard: Sequence[HeardClip]) -> list[Transcript | None]:
        """Return the transcript of each clip; a missing one never fails, and sounds and music have none."""
        found: list[Transcript | None] = [self._own(each.clip) for each in heard]
        for language, numbers in self._askable(heard, found).items():
            texts = self._whisper.transcriber.transcribe([heard[number].samples for number in numbers], language)
            for number, text in zip(numbers, texts, strict=True):
                words = clean(text)
                found[number] = Transcript(words, self._whisper.by) if words else None
                self.origins["asr" if words else "nothing_recognised"] += 1
        return found

    def _own(self, clip: Clip) -> Transcript | None:
        words = clean(written_form(clip.transcript or "")) if clip.domain is Domain.SPEECH else ""
        self.origins.update([BY_CORPUS] if words else [])
        return Transcript(words, BY_CORPUS) if words else None

    def _askable(self, heard: Sequence[HeardClip], found: Sequence[Transcript | None]) -> dict[str | None, list[int]]:
        """Return the numbers of the clips that Whisper is to write down, by their language."""
        askable: defaultdict[str | None, list[int]] = defaultdict(list)
        for number, (each, own) in enumerate(zip(heard, found, strict=True)):
            if own is None and each.clip.domain is Domain.SPEECH:
                if obstacle := self._obstacle(each):
                    self.origins[obstacle] += 1
                else:
                    askable[each.clip.language].append(number)
        return dict(askable)

    def _obstacle(self, heard: HeardClip) -> str | None:
        if self._settings.transcribe == "never":
            return "not_asked_for"
        if not heard.spans:
            return "no_speech_heard"
        return None if self._whisper.understands(heard.clip.language) else "language_unknown_to_model"


def together(transcripts: Sequence[Transcript | None]) -> Transcript | None:
    """Return the words of all parts in their order, and all who wrote them; `None` where nobody did."""
    found = [transcript for transcript in transcripts if transcript]
    by = ", ".join(dict.fromkeys(transcript.by for transcript in found))
    return Transcript(" ".join(transcript.text for transcript in found), by) if found else None
