"""What is expected of samples: one Great Expectations expectation for each rule, in the order in which rules refuse.

A sample that breaks several rules is refused for the first of them. First comes what leaves the other rules without
meaning (it belongs to no clip, it is there twice, it is empty), then causes before symptoms (a copied description holds
a time stamp, a loop runs until it is cut off). Last come the limits: what they refuse would be fit with a larger one.
"""

from dataclasses import dataclass
from typing import Any

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from components.core.contracts.records import SampleRefusal
from components.validate_data.settings import ValidateDataSettings

_MISALIGNED = SampleRefusal.MISALIGNED


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An expectation about every sample; `detail` is a template over `Measures` for the sample that breaks it."""

    name: str
    reason: SampleRefusal
    detail: str
    expectation: Expectation


@dataclass(frozen=True, kw_only=True)
class Gate:
    """An expectation about all samples together; `line` is a template over `Overview` for what breaks it.

    A gate that does not stop the run is a warning: what it says is kept as a fact.
    """

    name: str
    line: str
    expectation: Expectation
    stops: bool = True


def rules(settings: ValidateDataSettings) -> tuple[Rule, ...]:
    """Return the rules for one sample in their order."""
    return (*_about_its_clip(), *_about_its_form(settings), *_about_its_words(settings), *_about_its_length(settings))


def _about_its_clip() -> tuple[Rule, ...]:
    return (
        _rule(
            ("clip_is_known", _MISALIGNED, "the sample is about one of the clips"),
            "clip {clip_id} is not among the clips",
            gxe.ExpectColumnValuesToNotBeNull(column="clip_domain"),
        ),
        _rule(
            ("domain_is_the_clips", _MISALIGNED, "sample and clip have the same domain"),
            "the sample's domain is {domain}, its clip's is {clip_domain}",
            _equal("domain", "clip_domain"),
        ),
        _rule(
            ("split_is_the_clips", _MISALIGNED, "sample and clip have the same split"),
            "the sample's split is {split}, its clip's is {clip_split}",
            _equal("split", "clip_split"),
        ),
        _rule(
            ("audio_has_one_place", _MISALIGNED, "the conversation has exactly one place for audio"),
            "the conversation has {audio_places} places for audio, want 1",
            gxe.ExpectColumnValuesToBeInSet(column="audio_places", value_set=[1]),
        ),
        _rule(
            ("id_is_unique", SampleRefusal.DUPLICATE, "no earlier sample has the same sample_id"),
            "{earlier_uses} earlier samples have this sample_id",
            gxe.ExpectColumnValuesToBeBetween(column="earlier_uses", max_value=0),
        ),
    )


def _about_its_form(limit: ValidateDataSettings) -> tuple[Rule, ...]:
    return (
        _rule(
            ("was_asked", SampleRefusal.TOO_LONG, "the generator's window could hold the question"),
            "the question did not fit into the generator's window, so it was not answered",
            gxe.ExpectColumnValuesToNotBeInSet(column="finish_reason", value_set=["does_not_fit"]),
        ),
        _rule(
            ("says_something", SampleRefusal.EMPTY, "the answer holds a letter, a digit or a symbol"),
            "the answer holds no letter, digit or symbol",
            gxe.ExpectColumnValuesToBeBetween(column="visible_characters", min_value=1),
        ),
        _rule(
            (
                "holds_no_special_token",
                SampleRefusal.SPECIAL_TOKEN,
                "answer, prompt and transcript hold no token that steers",
            ),
            "holds {special_token}",
            gxe.ExpectColumnValuesToBeNull(column="special_token"),
        ),
        _rule(
            (
                "repeats_little",
                SampleRefusal.REPETITION,
                f"at most {limit.max_repeated_share:g} of the answer's 4-word phrases were used before in it",
            ),
            "{repeated_share:.2f} of its 4-word phrases were used before",
            gxe.ExpectColumnValuesToBeBetween(column="repeated_share", max_value=limit.max_repeated_share),
        ),
        _rule(
            (
                "does_not_loop",
                SampleRefusal.REPETITION,
                f"zlib makes the answer at most {limit.max_compression:g} times smaller, in whatever script it is",
            ),
            "zlib makes it {compression:.1f} times smaller",
            gxe.ExpectColumnValuesToBeBetween(column="compression", max_value=limit.max_compression),
        ),
    )


def _about_its_words(limit: ValidateDataSettings) -> tuple[Rule, ...]:
    return (
        _rule(
            (
                "uses_its_own_words",
                SampleRefusal.ECHOES_DESCRIPTION,
                f"at most {limit.max_copied_attributes} 'Name: value' pairs stand as in the seed description",
            ),
            "{copied_attributes} 'Name: value' pairs stand as in the seed description",
            gxe.ExpectColumnValuesToBeBetween(column="copied_attributes", max_value=limit.max_copied_attributes),
        ),
        _rule(
            ("hears_and_does_not_read", SampleRefusal.LEAKS_TEXT, "the answer does not say that it read something"),
            "says {leaked_phrase!r}",
            gxe.ExpectColumnValuesToBeNull(column="leaked_phrase"),
        ),
        _rule(
            ("answers", SampleRefusal.REFUSES_TO_ANSWER, "the answer does not decline to listen or to answer"),
            "says {refusal_phrase!r}",
            gxe.ExpectColumnValuesToBeNull(column="refusal_phrase"),
        ),
    )


def _about_its_length(limit: ValidateDataSettings) -> tuple[Rule, ...]:
    return (
        _rule(
            ("is_finished", SampleRefusal.CUT_OFF, "the generator ended the answer itself"),
            "the generation ended by {finish_reason!r}, want 'stop'",
            gxe.ExpectColumnValuesToBeInSet(column="finish_reason", value_set=["stop"]),
        ),
        _rule(
            (
                "fits_the_window",
                SampleRefusal.TOO_LONG,
                f"prompt, audio, transcript and answer take at most {limit.window_tokens} tokens",
            ),
            f"takes {{window_tokens}} tokens, the window has {limit.window_tokens}",
            gxe.ExpectColumnValuesToBeBetween(column="window_tokens", max_value=limit.window_tokens),
        ),
    )


def gates(settings: ValidateDataSettings) -> tuple[Gate, ...]:
    """Return the expectations about all samples together."""
    least, most = settings.min_acceptance, settings.max_nll
    return (
        _gate(
            ("enough_is_accepted", f"at least {least:g} of the samples are accepted"),
            f"acceptance {{acceptance:.2f}} is below {least:.2f}: {{refused}}",
            gxe.ExpectColumnValuesToBeBetween(column="acceptance", min_value=least),
        ),
        _gate(
            ("one_generator_wrote_all", "all samples have the same generator identity"),
            "{generators} generators wrote the samples, want 1: generate all of them with the backbone",
            gxe.ExpectColumnValuesToBeInSet(column="generators", value_set=[1]),
        ),
        _gate(
            ("answers_are_likely", f"accepted answers have at most {most:g} nats a token under their own generator"),
            f"accepted answers have {{nll_per_token:.2f}} nats a token under their own generator, at most {most:g}",
            gxe.ExpectColumnValuesToBeBetween(column="nll_per_token", max_value=most),
        ),
        _gate(
            ("every_part_is_left", "each split and domain of the clips has an accepted sample"),
            "no sample was accepted for {absent}",
            gxe.ExpectColumnValuesToBeNull(column="absent", severity="warning"),
            stops=False,
        ),
    )


def _rule(said: tuple[str, SampleRefusal, str], detail: str, expectation: Expectation) -> Rule:
    name, reason, promise = said
    described = expectation.copy(update={"description": f"{name} (or refused as {reason}): {promise}"})
    return Rule(name=name, reason=reason, detail=detail, expectation=described)


def _gate(said: tuple[str, str], line: str, expectation: Expectation, *, stops: bool = True) -> Gate:
    name, promise = said
    described = expectation.copy(update={"description": f"{name} (all samples together): {promise}"})
    return Gate(name=name, line=line, expectation=described, stops=stops)


def _equal(column: str, other: str) -> Any:
    return gxe.ExpectColumnPairValuesToBeEqual(column_A=column, column_B=other, ignore_row_if="either_value_is_missing")
