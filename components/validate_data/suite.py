"""What is expected of samples: one Great Expectations expectation for each rule, in the order in which rules refuse.

A sample that breaks several rules is refused for the first of them. First comes what leaves the other rules without
meaning (it belongs to no clip, it is there twice, it is empty), then causes before symptoms (a copied description holds
a time stamp and has few small words, a loop runs until it is cut off). Last come the limits: what they refuse would be
fit with a larger one.

A threshold of the policy stands in the row beside the measure, so that it can be another one for each domain and
corpus: such a rule compares two columns.
"""

from dataclasses import dataclass
from typing import Any

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from components.core.contracts.records import SampleRefusal
from components.validate_data.policy import GateLimits
from components.validate_data.settings import ValidateDataSettings

_MISALIGNED = SampleRefusal.MISALIGNED
_IF_BOTH = "either_value_is_missing"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """An expectation about every sample; `detail` is a template over its row for the sample that breaks it."""

    name: str
    reason: SampleRefusal
    detail: str
    expectation: Expectation


@dataclass(frozen=True, kw_only=True)
class Gate:
    """An expectation about all samples together; `line` is a template over their row for what breaks it.

    A gate that does not stop the run is a warning: what it says is kept as a fact.
    """

    name: str
    line: str
    expectation: Expectation
    stops: bool = True


def rules(settings: ValidateDataSettings) -> tuple[Rule, ...]:
    """Return the rules for one sample in their order."""
    return (*_about_its_clip(), *_about_its_form(), *_about_its_words(), *_about_its_length(settings))


def _about_its_clip() -> tuple[Rule, ...]:
    return (
        _rule(
            ("clip_is_known", _MISALIGNED, "the sample is about one of the clips"),
            "clip {clip_id} is not among the clips",
            gxe.ExpectColumnValuesToNotBeNull(column="clip_domain"),
        ),
        _rule(
            (
                "is_uncontaminated",
                SampleRefusal.CONTAMINATED,
                "no more protected split has its clip, recording or speaker, and no blocklist its audio",
            ),
            "{contamination}",
            gxe.ExpectColumnValuesToBeNull(column="contamination"),
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
            ("time_stamps_fit_the_clip", _MISALIGNED, "no time stamp of the description lies behind the clip's end"),
            "a time stamp lies {time_stamp_excess_s:.1f} s behind the clip's end, at most {max_time_stamp_excess_s:g}",
            _at_most("max_time_stamp_excess_s", "time_stamp_excess_s"),
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


def _about_its_form() -> tuple[Rule, ...]:
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
            ("repeats_little", SampleRefusal.REPETITION, "few of its 4-word phrases were used before in it"),
            "{repeated_share:.2f} of its 4-word phrases were used before, at most {max_repeated_share:g}",
            _at_most("max_repeated_share", "repeated_share"),
        ),
        _rule(
            ("does_not_loop", SampleRefusal.REPETITION, "zlib cannot make it much smaller, in whatever script it is"),
            "zlib makes it {compression:.1f} times smaller, at most {max_compression:g}",
            _at_most("max_compression", "compression"),
        ),
    )


def _about_its_words() -> tuple[Rule, ...]:
    return (
        _rule(
            ("uses_its_own_words", SampleRefusal.ECHOES_DESCRIPTION, "it copies no list from the seed description"),
            "{copied_attributes} 'Name: value' pairs stand as in the seed description",
            _at_most("max_copied_attributes", "copied_attributes"),
        ),
        _rule(
            ("keeps_the_script", SampleRefusal.OTHER_LANGUAGE, "it is written as the prompt or the transcript are"),
            "{foreign_letters:.0%} of its letters are of another script than prompt and transcript",
            _at_most("max_foreign_letters", "foreign_letters"),
        ),
        _rule(
            ("answers_in_english", SampleRefusal.OTHER_LANGUAGE, "a long answer to an English prompt is English"),
            "{function_words:.0%} of its words are small words of English",
            _at_most("function_words", "min_function_words"),
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
        _rule(
            (
                "agrees_with_the_description",
                SampleRefusal.CONTRADICTS_DESCRIPTION,
                "it does not say the opposite of an attribute",
            ),
            "says {contradiction}",
            gxe.ExpectColumnValuesToBeNull(column="contradiction"),
        ),
        _rule(
            ("is_not_said_again", SampleRefusal.DUPLICATE, "its clip was rarely answered in the same words before"),
            "{same_answers} earlier answers about this clip have the same words, at most {max_same_answers:g}",
            _at_most("max_same_answers", "same_answers"),
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


def gates(limits: GateLimits) -> tuple[Gate, ...]:
    """Return the expectations about all samples together."""
    least, most, apart = limits.min_acceptance, limits.max_nll, limits.max_nll_difference
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
            ("backbone_would_say_them", f"measured again, answers have at most {most:g} nats a token"),
            "the backbone gives {measured_answers} accepted answers {measured_nll_per_token:.2f} nats a token, "
            f"at most {most:g}: another LLM wrote them, or a high temperature; generate them with the backbone",
            gxe.ExpectColumnValuesToBeBetween(column="measured_nll_per_token", max_value=most),
        ),
        _gate(
            ("generator_told_the_truth", f"claimed and measured likelihood differ by {apart:g} nats a token at most"),
            "what the generator says of an answer and what the backbone measures differ by "
            f"{{greatest_nll_difference:.2f}} nats a token, at most {apart:g}: it is not this backbone, "
            "or read another conversation",
            gxe.ExpectColumnValuesToBeBetween(column="greatest_nll_difference", max_value=apart),
        ),
        _gate(
            ("every_part_is_left", "each split and domain of the clips has an accepted sample"),
            "no sample was accepted for {absent}",
            gxe.ExpectColumnValuesToBeNull(column="absent", severity="warning"),
            stops=False,
        ),
        _gate(
            ("policy_names_real_corpora", "each corpus with thresholds of its own has a clip"),
            "the policy has thresholds for {unknown_corpora}, which no clip is of",
            gxe.ExpectColumnValuesToBeNull(column="unknown_corpora", severity="warning"),
            stops=False,
        ),
    )


def _rule(said: tuple[str, SampleRefusal, str], detail: str, expectation: Expectation) -> Rule:
    name, reason, promise = said
    if isinstance(expectation, gxe.ExpectColumnPairValuesAToBeGreaterThanB):
        promise += f" ({expectation.column_A} ≥ {expectation.column_B})"
    described = expectation.copy(update={"description": f"{name} (or refused as {reason}): {promise}"})
    return Rule(name=name, reason=reason, detail=detail, expectation=described)


def _gate(said: tuple[str, str], line: str, expectation: Expectation, *, stops: bool = True) -> Gate:
    name, promise = said
    described = expectation.copy(update={"description": f"{name} (all samples together): {promise}"})
    return Gate(name=name, line=line, expectation=described, stops=stops)


def _equal(column: str, other: str) -> Any:
    return gxe.ExpectColumnPairValuesToBeEqual(column_A=column, column_B=other, ignore_row_if=_IF_BOTH)


def _at_most(limit: str, measure: str) -> Any:
    return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=limit, column_B=measure, or_equal=True, ignore_row_if=_IF_BOTH
    )
