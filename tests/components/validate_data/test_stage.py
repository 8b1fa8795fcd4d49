"""One validation of many samples, each of which shows one reason or just misses it; the tests look at what came out."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Domain, Message, RefusedSample, Sample, SampleRefusal, Split
from components.core.conversation import audio_conversation
from components.core.digests import digest_of
from components.core.home import Home
from components.core.models.loading import load_tokenizer
from components.core.models.splice import Splicer
from components.core.models.store import StoredModel
from components.validate_data.settings import ValidateDataSettings
from components.validate_data.suite import gates, rules
from tests.builders import make_clip, make_sample, make_source, make_tone
from tests.components.validate_data.making import BELL, DOG, validate, verdicts, write_inputs

LONG = " ".join(f"the {digest_of(number)[:4]}" for number in range(200))
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> & {{ 7 * 7 }} $x is in it"
CAT = make_clip(pcm=make_tone(hertz=500.0), source=make_source(corpus="street.noise", source_id="street/cat"))
ECHO = make_clip(pcm=make_tone(hertz=910.0), source=make_source(source_id="test/bell"))
RINGER = make_clip(pcm=make_tone(hertz=920.0), source=make_source(source_id="test/ringer"), speaker_id="ringer")
KNOWN = make_clip(pcm=make_tone(hertz=930.0), source=make_source(source_id="test/known", sha256="9" * 64))
PITCH = "[00:00-00:01] (Sound event: dog barking, Pitch: high)"

# Each has the changes that make it from a good sample.
REFUSED: dict[SampleRefusal, dict[str, dict[str, Any]]] = {
    SampleRefusal.MISALIGNED: {
        "a clip that is not there": {"clip_id": "f" * 64},
        "another domain than its clip": {"domain": Domain.MUSIC},
        "another split than its clip": {"split": Split.EVALUATION},
        "no place for audio": {"messages": (Message(role="user", content="What do you hear?"),)},
        "a prompt with a second place": {"messages": audio_conversation("Where is <|AUDIO|>?")},
        "a description that goes on": {"seed_description": "[00:00-00:03] (Sound event: dog barking)"},
    },
    SampleRefusal.CONTAMINATED: {
        "the recording of a validation clip": {"clip_id": ECHO.clip_id},
        "the speaker of a validation clip": {"clip_id": RINGER.clip_id},
        "a file of a benchmark": {"clip_id": KNOWN.clip_id},
    },
    SampleRefusal.EMPTY: {
        "nothing": {"response": "", "response_tokens": 0},
        "white space": {"response": " \n\N{ZERO WIDTH SPACE}"},
        "punctuation": {"response": "..."},
        "NUL only": {"response": "\x00\x00"},
    },
    SampleRefusal.SPECIAL_TOKEN: {
        "an end of turn": {"response": "A dog.<|im_end|>"},
        "an audio locator": {"response": "A dog <|AUDIO|> barks."},
        "an audio tag": {"response": "<start_audio>"},
        "a turn inside the transcript": {"transcript": "Hi<|im_start|>system"},
    },
    SampleRefusal.REPETITION: {
        "a phrase without end": {"response": "It is a mix of a mix of a mix of a mix of a mix of a mix."},
        "a syllable without end": {"response": "ha" * 40},
        "a hundred kilobytes of loop": {"response": "x " * 50_000},
    },
    SampleRefusal.OTHER_LANGUAGE: {
        "another script": {"response": "Собака лает."},
        "another language": {"response": "Un perro grande ladra cerca de la casa vieja."},
    },
    SampleRefusal.CONTRADICTS_DESCRIPTION: {
        "the opposite": {"seed_description": PITCH, "response": "It is low in pitch."},
    },
    SampleRefusal.ECHOES_DESCRIPTION: {
        "the description's list": {"response": "(Sound event: dog barking)"},
        "one pair in a sentence": {"response": "I hear a Sound event: dog barking."},
    },
    SampleRefusal.LEAKS_TEXT: {
        "a time stamp": {"response": "[00:00-00:01] A dog."},
        "a description": {"response": "The description mentions a dog."},
        "a leak with markup": {"response": f"{HOSTILE} The provided description."},
        "a transcript nobody asked for": {"response": "The transcript says hello."},
    },
    SampleRefusal.REFUSES_TO_ANSWER: {
        "a machine": {"response": "As an AI language model, I have no ears."},
        "no ears": {"response": "I cannot hear the audio."},
        "an apology": {"response": "I'm sorry, but there is no way."},
    },
    SampleRefusal.CUT_OFF: {
        "the last token": {"finish_reason": "length"},
        "a reason with markup": {"finish_reason": HOSTILE},
    },
    SampleRefusal.TOO_LONG: {
        "a long answer": {"response": LONG},
        "a long prompt": {"messages": audio_conversation(LONG)},
        "a question that was not asked": {"response": "", "finish_reason": "does_not_fit"},
    },
}
ACCEPTED: dict[str, dict[str, Any]] = {
    "a plain answer": {},
    "a clip of another split": {"clip_id": BELL.clip_id, "split": Split.VALIDATION},
    "a validation clip whose speaker is in training": {
        "clip_id": BELL.clip_id,
        "split": Split.VALIDATION,
        "response": "A bell.",
    },
    "an emoji": {"response": "🐶"},
    "what the speaker says in another script": {"response": "Собака лает", "transcript": "Собака лает"},
    "both of a pair": {"seed_description": PITCH, "response": "It is neither low in pitch nor high in pitch."},
    "the same words about the dog": {"response": "A dog"},
    "a digit": {"response": "2"},
    "NUL inside": {"response": "A dog\x00 barks."},
    "markup": {"response": HOSTILE},
    "almost a token": {"response": "<im_end> <|AUDIO> <audio>"},
    "an imitation": {"response": "Tick tock, tick tock, tick tock."},
    "an attribute in a sentence": {"response": "The sound event is a dog that barks."},
    "a transcript as asked": {"prompt": "Write a transcript.", "response": "The transcript is: woof."},
    "an answer that denies": {"response": "I can't hear any voice in it."},
    "no full stop": {"response": "A dog"},
    "a long transcript, which is cut": {"transcript": LONG},
}
# Most samples here say the same about one dog.
THRESHOLDS = (
    "gates.min_acceptance=0.01,rules.default.max_same_answers=1000,rules.corpus.street.noise.max_same_answers=0"
)
# Later faults are added to earlier ones, so that each sample has all the faults that come after its own.
FAULTS: tuple[tuple[SampleRefusal, dict[str, Any]], ...] = (
    (SampleRefusal.CONTAMINATED, {"clip_id": ECHO.clip_id}),
    (SampleRefusal.MISALIGNED, {"domain": Domain.MUSIC}),
    (SampleRefusal.SPECIAL_TOKEN, {"transcript": "<|im_end|>"}),
    (SampleRefusal.REPETITION, {"response": " a dog a dog a dog a dog a dog a dog a dog a dog"}),
    (SampleRefusal.ECHOES_DESCRIPTION, {"response": " Sound event: dog barking"}),
    (SampleRefusal.OTHER_LANGUAGE, {"response": " Собака лает на дворе."}),
    (SampleRefusal.LEAKS_TEXT, {"response": " as the description says,"}),
    (SampleRefusal.REFUSES_TO_ANSWER, {"response": " I cannot hear the audio"}),
    (SampleRefusal.CONTRADICTS_DESCRIPTION, {"seed_description": PITCH, "response": " It is low in pitch."}),
    (SampleRefusal.CUT_OFF, {"finish_reason": "length"}),
    (SampleRefusal.TOO_LONG, {"messages": audio_conversation(LONG)}),
)


def sample_of(name: str, changes: dict[str, Any]) -> Sample:
    """A good sample with changes; its prompt makes it different from every other, in words that no rule looks for."""
    return make_sample(**{"clip_id": DOG.clip_id, "prompt": f"What is it ({digest_of(name)})?", **changes})


def faulty(first: int) -> Sample:
    """A sample with the fault number `first` and all those after it."""
    changes: dict[str, Any] = {}
    for _, fault in FAULTS[first:]:
        changes |= {**fault, "response": changes.get("response", "") + fault.get("response", "")}
    return sample_of(f"faults from {first}", {**changes, "response": changes["response"] or "A dog."})


def fitting(llm: StoredModel, spare: int) -> Sample:
    """A sample that leaves so many positions of the window free."""
    splicer, limits = Splicer(load_tokenizer(llm.folder), 100), ValidateDataSettings()
    words: list[str] = []
    while True:
        sample = sample_of(f"{spare} to spare", {"response": "".join(words) or "x"})
        missing = limits.window_tokens - splicer.splice(sample.messages, [None], sample.response).length(64) - spare
        if missing == 0:
            return sample
        words += (
            [f" {len(words) + number}" for number in range(max(1, missing // 4))]
            if missing > 8
            else ["!?"[missing % 2]]
        )


@pytest.fixture(scope="module")
def samples(llm: StoredModel) -> dict[str, Sample]:
    """All the samples by name; the copy of the first comes last."""
    refused = {name: sample_of(name, changes) for cases in REFUSED.values() for name, changes in cases.items()}
    accepted = {name: sample_of(name, changes) for name, changes in ACCEPTED.items()}
    ordered = {f"faults from {first}": faulty(first) for first in range(len(FAULTS))}
    limits = {"window is full": fitting(llm, 0), "window is one too small": fitting(llm, -1)}
    about_a_cat = {
        name: sample_of(name, {"clip_id": CAT.clip_id, "response": "A cat."}) for name in ("cat", "cat again")
    }
    return {**accepted, **refused, **ordered, **limits, **about_a_cat}


@pytest.fixture(scope="module")
def result(samples: dict[str, Sample], llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """What the stage makes of them, in three batches."""
    folder = tmp_path_factory.mktemp("validated")
    clips = [DOG, BELL, CAT, ECHO, RINGER, KNOWN]
    inputs = write_inputs(folder, [*samples.values(), samples["a plain answer"]], clips)
    blocklist = folder / "benchmarks.txt"
    blocklist.write_text(f"# held-out audio\n{KNOWN.source.sha256}  known.flac\n\n{'8' * 64}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTA_HOME", str(folder / "home"))
        patch.setenv("DESTA_MODELS", str(llm.folder.parent))
        settings = ["--thresholds", THRESHOLDS, "--blocklist", str(blocklist), "--batch-rows", "24"]
        return validate(inputs, Home(folder / "home"), *settings)


@pytest.mark.parametrize(
    ("name", "reason"), [(name, reason.value) for reason, cases in REFUSED.items() for name in cases]
)
def test_a_sample_is_refused_for_its_reason(
    name: str, reason: str, samples: dict[str, Sample], result: Artifact
) -> None:
    assert verdicts(result)[samples[name].sample_id] == reason


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_sample_that_just_misses_a_reason_is_accepted_as_it_is(
    name: str, samples: dict[str, Sample], result: Artifact
) -> None:
    assert samples[name] in list(result.read(Sample))


@pytest.mark.parametrize("first", range(len(FAULTS)))
def test_the_first_of_many_faults_is_the_reason(first: int, samples: dict[str, Sample], result: Artifact) -> None:
    assert verdicts(result)[samples[f"faults from {first}"].sample_id] == FAULTS[first][0]


def test_the_window_may_be_filled_to_the_last_token(samples: dict[str, Sample], result: Artifact) -> None:
    found = verdicts(result)
    assert found[samples["window is full"].sample_id] == "accepted"
    assert found[samples["window is one too small"].sample_id] == "too_long"


def test_the_second_of_two_equal_samples_is_refused_as_a_duplicate(
    samples: dict[str, Sample], result: Artifact
) -> None:
    copies = [row for row in result.read_quarantine(RefusedSample) if row.reason is SampleRefusal.DUPLICATE]
    assert [row.sample for row in copies] == [samples["cat again"], samples["a plain answer"]]


def test_a_corpus_can_have_a_threshold_of_its_own(samples: dict[str, Sample], result: Artifact) -> None:
    found = verdicts(result)
    assert (found[samples["cat"].sample_id], found[samples["cat again"].sample_id]) == ("accepted", "duplicate")
    assert found[samples["the same words about the dog"].sample_id] == "accepted"
    policy = result.manifest.lineage.settings["policy"]
    assert policy["rules"]["corpus"] == {"street.noise": {"max_same_answers": 0}}
    assert result.manifest.facts["policy"] == {"version": "1+changed", "digest": digest_of(policy)}


def test_every_sample_comes_out_once_and_is_counted(samples: dict[str, Sample], result: Artifact) -> None:
    accepted, refused = list(result.read(Sample)), list(result.read_quarantine(RefusedSample))
    came_in = Counter(sample.sample_id for sample in [*samples.values(), samples["a plain answer"]])
    assert Counter(sample.sample_id for sample in [*accepted, *(row.sample for row in refused)]) == came_in
    counts = result.manifest.counts
    assert (counts.rows_in, counts.rows_out) == (came_in.total(), len(accepted))
    assert counts.refused == Counter(row.reason.value for row in refused)


def test_both_files_keep_the_order_of_the_samples(samples: dict[str, Sample], result: Artifact) -> None:
    order = {sample.sample_id: number for number, sample in enumerate(samples.values())}
    accepted = [order[sample.sample_id] for sample in result.read(Sample)]
    refused = [order[row.sample.sample_id] for row in result.read_quarantine(RefusedSample)]
    assert accepted == sorted(accepted)
    assert refused[:-1] == sorted(refused[:-1])


def test_every_refusal_says_what_was_found(result: Artifact) -> None:
    details = {row.detail for row in result.read_quarantine(RefusedSample)}
    assert "the sample's domain is music, its clip's is sound" in details
    assert "holds <|im_end|>" in details
    assert "the generation ended by 'length', want 'stop'" in details
    assert "takes 301 tokens, the window has 300" in details
    assert "shares recording 'test/bell' with validation" in details
    assert "shares speaker 'ringer' with validation" in details
    assert "is on the blocklist" in details
    assert "1 earlier answers about this clip have the same words, at most 0" in details
    assert not [detail for detail in details if "{" in detail.replace(HOSTILE, "") or not detail]


def test_the_report_adds_up_with_the_manifest(result: Artifact) -> None:
    report = json.loads((result.folder / "validation.json").read_text())
    settings = ValidateDataSettings()
    assert [rule["name"] for rule in report["rules"]] == [rule.name for rule in rules(settings)]
    assert [gate["name"] for gate in report["gates"]] == [gate.name for gate in gates(settings.policy.gates)]
    assert all(0 < rule["failed"] < rule["checked"] <= result.manifest.counts.rows_in for rule in report["rules"])
    broken = Counter({rule["reason"]: rule["failed"] for rule in report["rules"]})
    assert all(broken[reason] > 0 for reason in result.manifest.counts.refused)


def test_the_page_names_every_expectation(result: Artifact) -> None:
    page = (result.folder / "data_docs" / "index.html").read_text()
    settings = ValidateDataSettings()
    names = [rule.name for rule in rules(settings)] + [gate.name for gate in gates(settings.policy.gates)]
    assert [name for name in names if f"{name} (" not in page] == []


def test_the_page_is_inert_whatever_the_answers_hold(result: Artifact) -> None:
    page = (result.folder / "data_docs" / "index.html").read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    without_audio = re.sub(r'<audio controls preload="none" src="data:audio/flac;base64,[\w+/=]+"></audio>', "", page)
    assert "data:audio" not in without_audio
    loads = r"<(?:script|img|iframe|object|link|a)\b|<[^>]*\s(?:src|href|on\w+)=|@import|url\("
    assert not re.search(loads, without_audio, re.IGNORECASE)


def test_the_page_is_beside_the_content_and_the_report_is_part_of_it(result: Artifact) -> None:
    attached = [entry.path for entry in result.manifest.attachments]
    assert attached == ["data_docs/drift.json", "data_docs/index.html"]
    assert "validation.json" in [entry.path for entry in result.manifest.files]


def test_half_a_surrogate_pair_cannot_reach_the_stage(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_inputs(tmp_path, [make_sample().model_copy(update={"response": "\ud83d"})])
