"""The samples that are looked at one by one: some to measure again, some to show, one for each reason of refusal."""

from collections import defaultdict
from functools import partial

from components.core.contracts.records import RefusedSample, Sample, SampleRefusal
from components.validate_data.drawing import Draw
from components.validate_data.settings import ValidateDataSettings

_SHOWN = 20
_SHOWN_OF_A_REASON = 1


class Specimens:
    """Draws while the samples flow; what it keeps is a few, however many there are."""

    def __init__(self, settings: ValidateDataSettings) -> None:
        self.measured: Draw[Sample] = Draw(settings.seed, "measured", settings.measured_answers)
        self.accepted: Draw[Sample] = Draw(settings.seed, "shown", _SHOWN)
        self._refused: defaultdict[SampleRefusal, Draw[RefusedSample]] = defaultdict(
            partial(Draw, settings.seed, "refused", _SHOWN_OF_A_REASON)
        )

    def see(self, sample: Sample, refused: RefusedSample | None) -> None:
        """Look at a sample, refused or accepted."""
        if refused:
            self._refused[refused.reason].see(sample.sample_id, refused)
        else:
            self.measured.see(sample.sample_id, sample)
            self.accepted.see(sample.sample_id, sample)

    def refused(self) -> list[RefusedSample]:
        """Return one refused sample of each reason."""
        return [row for _, draw in sorted(self._refused.items()) for row in draw.drawn()]
