"""Measured figures in the words that a listener would use."""

from components.core.contracts.records import Domain, Measurements

SLOW_WPM, FAST_WPM = 130.0, 190.0
LOW_VOICE_HZ, HIGH_VOICE_HZ = 155.0, 210.0
LOW_TONE_HZ, HIGH_TONE_HZ = 262.0, 1047.0
QUIET_LUFS, LOUD_LUFS = -30.0, -16.0


MEASURED = {"pitch": "pitch_hz", "speaking_rate": "speaking_rate_wpm", "loudness": "loudness_lufs", "snr": "snr_db"}
"""The quantity that each word is made of."""


def measured_words(measurements: Measurements, domain: Domain) -> dict[str, str]:
    """Return what a listener would say, by attribute, in the order of a description; without what was not measured.

    The signal-to-noise ratio is told of speech only: of a sound it says how much it swells, not how clean it is. It is
    told in decibels, as upstream does: we know of no published bound between clean and noisy, and a listener's depends
    on the kind of noise.
    """
    speech = domain is Domain.SPEECH
    words = {
        "pitch": pitch_word(measurements.pitch_hz, domain),
        "speaking_rate": rate_word(measurements.speaking_rate_wpm) if speech else None,
        "loudness": loudness_word(measurements.loudness_lufs),
        "snr": _decibels(measurements.snr_db) if speech else None,
    }
    return {name: word for name, word in words.items() if word}


def rate_word(words_per_minute: float | None) -> str | None:
    """Return slow below 130, fast above 190 words a minute, else normal.

    Bounds of the standard rates of Pimsleur, Hancock and Furey (1977) for radio speech: below 130 is slow, 130 to 160
    moderately slow, 160 to 190 average, 190 to 220 moderately fast, above that fast.
    """
    return _binned(words_per_minute, SLOW_WPM, FAST_WPM, ("slow", "normal", "fast"))


def pitch_word(hertz: float | None, domain: Domain) -> str | None:
    """Return low, medium or high; for a voice whoever speaks, since nobody has to say who that is.

    A voice is low below 155 Hz, where the range of adult men ends (85 to 155 Hz, Fitch and Holbrook 1970), and high
    above 210 Hz, the mean of adult women (Traunmueller and Eriksson 1995). A tone is low below middle C (262 Hz), where
    the bass clef ends, and high above the soprano's high C (1047 Hz).
    """
    bounds = (LOW_VOICE_HZ, HIGH_VOICE_HZ) if domain is Domain.SPEECH else (LOW_TONE_HZ, HIGH_TONE_HZ)
    return _binned(hertz, *bounds, ("low", "medium", "high"))


def loudness_word(lufs: float | None) -> str | None:
    """Return quiet below -30, loud above -16 LUFS, else medium.

    Seven LU on either side of the programme level of EBU R 128 (-23 LUFS); the upper bound is also the loudest level
    that AES TD1004 recommends for streams.
    """
    return _binned(lufs, QUIET_LUFS, LOUD_LUFS, ("quiet", "medium", "loud"))


def _decibels(ratio_db: float | None) -> str | None:
    """Return a ratio in whole decibels, without a bound."""
    return None if ratio_db is None else f"{ratio_db:.0f} dB"


def _binned(value: float | None, lower: float, upper: float, words: tuple[str, str, str]) -> str | None:
    if value is None:
        return None
    return words[0] if value < lower else words[2] if value > upper else words[1]
