"""What something was made from, and what was made from it: every step, and a word where one cannot be looked at."""

import json
import shutil
from pathlib import Path

import pytest

from components.core.contracts.artifacts import MANIFEST
from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.digests import digest_of
from pipelines.cli import main
from pipelines.lineage.nodes import Kind, Trace
from pipelines.lineage.why import why
from tests.pipelines.lineage.making import (
    ACCEPTED,
    ANNA,
    BERT,
    BROKEN,
    CLIPS,
    HELD_OUT,
    LLM,
    POOL,
    REFUSED,
    RUN,
    TOGETHER,
    Made,
    make_home,
)


def traced(made: Made, text: str) -> Trace:
    return why(text, made.home, made.checkout)


def fact(trace: Trace, kind: Kind, name: str) -> object:
    return trace.of(kind)[0].facts[name]


def test_a_sample_leads_back_to_its_file_and_on_to_the_evaluation(made: Made) -> None:
    trace = traced(made, ACCEPTED[0].sample_id)
    assert [step.kind for step in trace.steps if step.kind is not Kind.DATASET] == [
        *(Kind.FILE, Kind.CLIP, Kind.DESCRIPTION, Kind.PROMPT, Kind.GENERATOR, Kind.SAMPLE, Kind.VERDICT),
        *(Kind.PUBLISHED, Kind.RUN, Kind.MODEL, Kind.EVALUATION),
    ]
    assert not trace.gaps
    assert trace.of(Kind.FILE)[0].id == ANNA.source.sha256
    assert fact(trace, Kind.CLIP, "speaker") == "anna"
    assert fact(trace, Kind.DESCRIPTION, "attributes") == {"sound_event": "dog barking (corpus)"}
    assert (fact(trace, Kind.PROMPT, "pool version"), fact(trace, Kind.PROMPT, "pool digest")) == (3, POOL)
    assert fact(trace, Kind.GENERATOR, "decoding") == ACCEPTED[0].decoding.model_dump()
    assert [ref.id for ref in trace.of(Kind.GENERATOR)[0].made_from] == [LLM]
    assert fact(trace, Kind.VERDICT, "verdict") == "accepted"
    assert {step.id for step in trace.of(Kind.DATASET)} == {
        made.digests[kind] for kind in ("clips", "descriptions", "samples", "accepted")
    }
    assert fact(trace, Kind.MODEL, "this one") == "learned from it"
    assert trace.of(Kind.RUN)[0].id == RUN


def test_every_neighbour_of_a_step_is_a_step_or_can_be_asked_about(made: Made) -> None:
    steps = {step.ref for sample in ACCEPTED for step in traced(made, sample.sample_id).steps}
    named = {
        ref for sample in ACCEPTED for s in traced(made, sample.sample_id).steps for ref in (*s.made_from, *s.led_to)
    }
    for ref in named - steps:
        if ref.kind is not Kind.FROZEN_MODEL:
            assert traced(made, ref.id).subject == ref
    for ref in steps - {step for step in steps if step.kind in (Kind.PROMPT, Kind.GENERATOR, Kind.VERDICT)}:
        assert traced(made, ref.id).steps


def test_a_refused_sample_says_why_and_leads_to_no_model(made: Made) -> None:
    trace = traced(made, REFUSED[0].sample_id)
    assert (fact(trace, Kind.VERDICT, "reason"), fact(trace, Kind.VERDICT, "detail")) == ("cut_off", "in a word")
    assert trace.of(Kind.CLIP)[0].id == BERT.clip_id
    assert not trace.of(Kind.MODEL)


def test_no_model_learned_from_a_sample_that_is_held_out_but_one_answered_it(made: Made) -> None:
    trace = traced(made, ACCEPTED[2].sample_id)
    assert str(fact(trace, Kind.MODEL, "this one")).startswith("did not learn from it")
    assert fact(trace, Kind.ANSWER, "response_trained") == "A cow."
    looked_at = traced(made, ACCEPTED[3].sample_id)
    assert str(fact(looked_at, Kind.MODEL, "this one")).startswith("looked at it")


def test_a_clip_leads_to_the_answers_about_it_and_to_items_of_benchmarks(made: Made) -> None:
    trace = traced(made, HELD_OUT.clip_id[:8])
    assert [step.id.partition("/")[2] for step in trace.of(Kind.ANSWER)] == [
        ACCEPTED[2].sample_id,
        f"desta-sample/{HELD_OUT.clip_id}-domain",
    ]
    assert fact(traced(made, TOGETHER.clip_id), Kind.CLIP, "speakers of segments") == ["anna"]


@pytest.mark.parametrize("form", ["{clip}-domain", "desta-sample/{clip}-domain", "{report}/desta-sample/{clip}-domain"])
def test_an_item_of_a_benchmark_leads_to_its_clip_and_model(made: Made, form: str) -> None:
    trace = traced(made, form.format(clip=HELD_OUT.clip_id, report=made.digests["report"][:12]))
    assert fact(trace, Kind.ANSWER, "trained") == {"marked": "a noise", "value": 1.0, "outcome": "marked"}
    assert (trace.of(Kind.CLIP)[0].id, trace.of(Kind.MODEL)[0].id) == (HELD_OUT.clip_id, made.digests["model"])


def test_an_answer_is_found_by_its_evaluation_and_sample(made: Made) -> None:
    trace = traced(made, f"{made.digests['report'][:12]}/{ACCEPTED[2].sample_id}")
    assert trace.subject.kind is Kind.ANSWER
    assert trace.of(Kind.FILE)[0].id == HELD_OUT.source.sha256


def test_a_file_leads_to_its_clip_and_one_that_was_refused_to_its_reason(made: Made) -> None:
    assert traced(made, ANNA.source.sha256).of(Kind.CLIP)[0].id == ANNA.clip_id
    trace = traced(made, BROKEN.sha256)
    assert (fact(trace, Kind.FILE, "refused"), fact(trace, Kind.FILE, "detail")) == ("unreadable", "no FLAC")


def test_results_keys_runs_names_and_frozen_models_are_found(made: Made) -> None:
    for kind, digest in made.digests.items():
        assert traced(made, digest).subject.id == digest, kind
    key = next((made.home.store / "train_model").iterdir()).name
    assert traced(made, key[:10]).subject.id == made.digests["model"]
    assert len(traced(made, RUN).of(Kind.DATASET)) == 4
    assert traced(made, "spring").of(Kind.PUBLISHED)[0].facts["accepted"] == made.digests["accepted"]
    assert {step.id for step in traced(made, LLM[:8]).of(Kind.MODEL)} == {made.digests["model"]}


def test_a_published_copy_is_traced_where_the_store_has_nothing_and_the_gaps_are_named(made: Made) -> None:
    shutil.rmtree(made.home.store)
    trace = traced(made, ACCEPTED[0].sample_id)
    assert trace.of(Kind.FILE)[0].id == ANNA.source.sha256
    assert fact(trace, Kind.VERDICT, "verdict") == "accepted"
    assert {step.kind for step in trace.gaps} == {Kind.DESCRIPTION, Kind.PROMPT, Kind.DATASET}
    assert [step.id for step in trace.gaps if step.kind is Kind.DATASET] == [made.digests["samples"]]


def test_a_damaged_manifest_is_passed_over_with_a_line(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    file = next(made.home.store.glob(f"evaluate_model/*/{MANIFEST}"))
    file.write_text("{")
    assert not traced(made, ACCEPTED[0].sample_id).of(Kind.EVALUATION)
    assert str(file) in capsys.readouterr().err


def test_a_shard_that_is_gone_or_damaged_is_one_line(made: Made) -> None:
    file = next(made.home.store.glob("validate_data/*/part-00001.parquet"))
    for damage in (file.unlink, lambda: file.write_bytes(b"PAR1")):
        damage()
        with pytest.raises(ContractError) as found:
            traced(made, ACCEPTED[0].sample_id)
        assert "part-00001.parquet" in str(found.value)
        assert "\n" not in str(found.value)


def test_a_prefix_of_two_things_is_refused_with_both(tmp_path: Path) -> None:
    made = make_home(tmp_path, published="feedbead")  # a name may look like a digest
    clip = CLIPS[0].clip_id
    assert traced(made, "feedbead").subject.kind is Kind.PUBLISHED
    (made.checkout / "data" / "published" / "feedbead").rename(made.checkout / "data" / "published" / clip[:8])
    record = made.checkout / "data" / "published" / clip[:8] / "published.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "name": clip[:8]}))
    with pytest.raises(ConfigurationError, match=f"could be published {clip[:8]}, clip {clip}; write more"):
        traced(made, clip[:8])


HOSTILE = [
    *("", " ", "'", '"', "%", "'; DROP TABLE chosen_clips; --", "a' OR '1'='1", "\0", "abc\0def", "../../etc/passwd"),
    *(
        "*",
        "?",
        "[a-z]",
        "{0}",
        "$files",
        "desta-adapter@0",
        "desta-adapter@999999999",
        "/",
        "//",
        "a/b/c",
        "x" * 1_000_000,
    ),
    *("deadbeef", "8" * 63, "F" * 64, "0" * 64, "\uff21\uff22", "\ud800", "abcdefg", "12345678/x", "\n".join("ab")),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_is_no_id_is_one_short_line(made: Made, text: str) -> None:
    before = sorted(made.home.root.rglob("*"))
    with pytest.raises(ConfigurationError) as found:
        traced(made, text)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 1000
    assert sorted(made.home.root.rglob("*")) == before


def test_a_home_whose_path_looks_like_a_pattern_is_read_as_it_is(tmp_path: Path) -> None:
    made = make_home(tmp_path / "a[b]*?{c}")
    make_home(tmp_path / "ab", published=None)
    assert not traced(made, ACCEPTED[0].sample_id).gaps


def test_looking_writes_nothing_and_makes_no_mlflow(made: Made) -> None:
    before = {file: file.stat().st_mtime_ns for file in made.home.root.rglob("*")}
    traced(made, ACCEPTED[0].sample_id)
    traced(made, made.digests["model"])
    assert {file: file.stat().st_mtime_ns for file in made.home.root.rglob("*")} == before


@pytest.mark.usefixtures("made")
def test_the_command_prints_a_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["why", ACCEPTED[0].sample_id[:12]])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"why sample {ACCEPTED[0].sample_id}\n\nfile {ANNA.source.sha256}\n  corpus: farm\n")
    with pytest.raises(SystemExit):
        main(["why", ACCEPTED[0].sample_id, "--json"])
    assert Trace.model_validate_json(capsys.readouterr().out, strict=False).subject.id == ACCEPTED[0].sample_id
    with pytest.raises(SystemExit) as ended:
        main(["why", digest_of("nothing")])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
