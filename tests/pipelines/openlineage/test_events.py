"""A run as OpenLineage events: what they say at each end that a run can come to, held to the schemas."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from openlineage.client.serde import Serde
from referencing.exceptions import Unresolvable

from components.core.contracts.records import Clip, Sample
from components.core.home import Home
from components.core.runs import State, read_stage, write_run
from components.core.stages import STAGES
from pipelines.ending import INTERRUPTED
from pipelines.openlineage.events import events_of, run_uuid
from pipelines.openlineage.facets import GENERATOR
from tests.builders import make_generator
from tests.pipelines.export.making import FACTS
from tests.pipelines.openlineage.making import DECODING, dead_process, make_run, put_stage
from tests.pipelines.openlineage.validation import check
from tests.pipelines.results import make_run_record

Event = dict[str, Any]


def _told(run_dir: Path) -> list[Event]:
    """Return the events of a run as they are written, each valid."""
    events = [json.loads(Serde.to_json(event)) for event in events_of(run_dir)]
    for event in events:
        check(event)
    return events


def _shape(events: list[Event]) -> list[str]:
    return [f"{event['eventType']} {event['job']['name'].removeprefix('alignment.')}" for event in events]


def _last_of(events: list[Event], stage: str) -> Event:
    return next(event for event in reversed(events) if event["job"]["name"] == f"alignment.{stage}")


def _by_name(datasets: list[Event]) -> dict[str, Event]:
    return {dataset["name"]: dataset for dataset in datasets}


def test_a_run_that_succeeded_tells_the_start_and_the_end_of_itself_and_of_each_stage(home: Home) -> None:
    events = _told(make_run(home))
    inside = [f"{kind} {stage.name}" for stage in STAGES for kind in ("START", "COMPLETE")]
    assert _shape(events) == ["START alignment", *inside, "COMPLETE alignment"]
    assert [event["eventTime"] for event in events] == sorted(event["eventTime"] for event in events)
    assert {event["run"]["runId"] for event in events} == {run_uuid("r1"), *(run_uuid("r1", s.name) for s in STAGES)}
    parents = [event["run"]["facets"]["parent"] for event in events[1:-1]]
    assert {(parent["run"]["runId"], parent["job"]["name"]) for parent in parents} == {(run_uuid("r1"), "alignment")}


def test_what_was_told_at_the_start_is_told_again_in_the_same_words(home: Home) -> None:
    run_dir = make_run(home, {}, state=State.RUNNING)
    told = _told(run_dir)
    for stage in STAGES:
        put_stage(home, stage.name, State.RUNNING)
        told.append(_told(run_dir)[-1])
        put_stage(home, stage.name, State.SUCCEEDED)
        told.append(_told(run_dir)[-1])
    record = make_run_record(started_s=1_767_350_000.0, seconds=60.0)
    write_run(run_dir, record)
    assert _told(run_dir)[:-1] == told


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_stage_names_what_it_read_and_wrote_in_versions_that_are_digests(home: Home, stage: Any) -> None:
    run_dir = make_run(home)
    event = _last_of(_told(run_dir), stage.name)
    outputs = {maker.name: maker.output for maker in STAGES}
    wanted = {outputs[maker]: maker for maker in stage.inputs.values()}
    found = {
        name: dataset["facets"]["version"]["datasetVersion"] for name, dataset in _by_name(event["inputs"]).items()
    }
    digests = {}
    for name, maker in {**wanted, stage.output: stage.name}.items():
        record = read_stage(run_dir, maker)
        assert record is not None
        digests[name] = record.outputs[name].digest
    assert found == {name: digests[name] for name in wanted}
    written = _by_name(event["outputs"])
    assert {n: d["facets"]["version"]["datasetVersion"] for n, d in written.items()} == {
        stage.output: digests[stage.output]
    }


def test_datasets_say_their_columns_rows_and_bytes(home: Home) -> None:
    accepted = _by_name(_last_of(_told(make_run(home)), "validate_data")["outputs"])["accepted"]
    fields = accepted["facets"]["schema"]["fields"]
    assert [field["name"] for field in fields] == list(Sample.model_fields)
    messages = next(field for field in fields if field["name"] == "messages")
    assert (messages["type"], [field["name"] for field in messages["fields"]]) == ("list<struct>", ["role", "content"])
    statistics = accepted["outputFacets"]["outputStatistics"]
    shard = home.store / "accepted" / "part-00000.parquet"
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (4, shard.stat().st_size, 1)
    metrics = accepted["facets"]["dataQualityMetrics"]
    assert (metrics["rowsIn"], metrics["rowCount"], metrics["refused"]) == (6, 4, {"cut_off": 2})


def test_clips_say_their_licences_and_a_model_has_no_rows(home: Home) -> None:
    events = _told(make_run(home))
    clips = _by_name(_last_of(events, "ingest_audio")["outputs"])["clips"]
    assert [field["name"] for field in clips["facets"]["schema"]["fields"]] == list(Clip.model_fields)
    licences = sorted(str(about["licence"]) for about in FACTS["corpora"].values())
    assert clips["facets"]["tags"]["tags"][0]["value"] == ", ".join(licences)
    model = _by_name(_last_of(events, "train_model")["outputs"])["model"]
    assert set(model["facets"]) == {"version"}
    assert "rowCount" not in model["outputFacets"]["outputStatistics"]


def test_samples_say_who_wrote_them(home: Home) -> None:
    events = _told(make_run(home))
    samples = _by_name(_last_of(events, "self_generate")["outputs"])["samples"]["facets"][GENERATOR]
    accepted = _by_name(_last_of(events, "train_model")["inputs"])["accepted"]["facets"][GENERATOR]
    generator = make_generator()
    assert samples == accepted
    assert (samples["weights"], samples["chatTemplate"]) == (generator.weights, generator.chat_template)
    assert (samples["engineVersion"], samples["decoding"]) == (generator.engine_version, DECODING)


def test_a_stage_that_failed_says_why_and_so_does_its_run(home: Home) -> None:
    done = {"ingest_audio": State.SUCCEEDED, "extract_metadata": State.FAILED}
    events = _told(make_run(home, done, state=State.FAILED, error="extract_metadata: a line"))
    assert _shape(events)[3:] == ["START extract_metadata", "FAIL extract_metadata", "FAIL alignment"]
    assert events[-2]["run"]["facets"]["errorMessage"]["message"] == "a line"
    assert events[-1]["run"]["facets"]["errorMessage"]["message"] == "extract_metadata: a line"
    assert events[-2]["outputs"] == []


def test_a_gate_that_refused_fails_its_stage_and_says_what_did_not_hold(home: Home) -> None:
    names = [stage.name for stage in STAGES[:4]]
    done = {**dict.fromkeys(names[:3], State.SUCCEEDED), "validate_data": State.REFUSED}
    events = _told(make_run(home, done, state=State.REFUSED, error="validate_data: enough_is_accepted: 0.67"))
    assert _shape(events)[-2:] == ["FAIL validate_data", "FAIL alignment"]
    inputs, outputs = _by_name(events[-2]["inputs"]), _by_name(events[-2]["outputs"])
    rule, gate = inputs["samples"]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (rule["name"], rule["success"], rule["severity"]) == ("is_finished", False, "warn")
    assert (rule["column"], rule["params"]["reason"]) == ("finish_reason", "cut_off")
    assert (gate["name"], gate["success"], gate["severity"]) == ("enough_is_accepted", False, "error")
    assert "accepted" in outputs


def test_a_model_that_its_gate_refused_was_evaluated_and_its_run_failed(home: Home) -> None:
    run_dir = make_run(home, state=State.REFUSED, error="evaluate_model: audio_gain: 0 is too little")
    record = read_stage(run_dir, "evaluate_model")
    assert record is not None
    facts = {"refusals": ["audio_gain: 0 is too little"]}
    (run_dir / "stages" / "evaluate_model.json").write_text(
        record.model_copy(update={"facts": facts}).model_dump_json()
    )
    events = _told(run_dir)
    assert _shape(events)[-2:] == ["COMPLETE evaluate_model", "FAIL alignment"]
    (policy,) = _by_name(events[-2]["inputs"])["model"]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (policy["success"], policy["actual"]) == (False, "audio_gain: 0 is too little")


def test_a_run_from_published_samples_tells_of_its_own_stages_and_knows_who_wrote_them(home: Home) -> None:
    names = ["ingest_audio", "validate_data", "train_model", "evaluate_model"]
    parameters = {"accepted": "/data/accepted", "clips": "/data/clips"}
    events = _told(make_run(home, dict.fromkeys(names, State.SUCCEEDED), parameters=parameters))
    assert _shape(events)[1:-1] == [f"{kind} {name}" for name in names[2:] for kind in ("START", "COMPLETE")]
    accepted = _by_name(events[1]["inputs"])["accepted"]["facets"]
    assert accepted[GENERATOR]["weights"] == make_generator().weights


@pytest.mark.parametrize(
    "changes",
    [dead_process(), {"state": State.FAILED, "error": INTERRUPTED.error}],
    ids=["killed", "interrupted"],
)
def test_a_run_that_was_cut_short_is_aborted_with_the_stage_at_work(home: Home, changes: dict[str, Any]) -> None:
    done = {"ingest_audio": State.SUCCEEDED, "extract_metadata": State.RUNNING}
    events = _told(make_run(home, done, **changes))
    assert _shape(events)[2:] == [
        "COMPLETE ingest_audio",
        "START extract_metadata",
        "ABORT extract_metadata",
        "ABORT alignment",
    ]


def test_a_run_that_goes_on_has_no_end_yet(home: Home) -> None:
    done = {"ingest_audio": State.SUCCEEDED, "extract_metadata": State.RUNNING}
    assert _shape(_told(make_run(home, done, state=State.RUNNING)))[-1] == "START extract_metadata"


def test_a_result_that_was_removed_since_keeps_its_version(home: Home) -> None:
    run_dir = make_run(home)
    shutil.rmtree(home.store / "samples")
    samples = _by_name(_last_of(_told(run_dir), "self_generate")["outputs"])["samples"]
    assert set(samples["facets"]) == {"version"}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("eventTime",), "yesterday"),
        (("eventType",), "DONE"),
        (("run", "runId"), "r1"),
        (("job", "name"), None),
        (("outputs", 0, "facets", "dataQualityMetrics", "rowCount"), "four"),
        (("outputs", 0, "facets", GENERATOR, "weights"), "sha256:abc"),
        (("outputs", 0, "facets", "version", "_schemaURL"), "urn:nobody:knows"),
    ],
)
def test_the_schemas_see_what_is_wrong(home: Home, place: tuple[Any, ...], value: Any) -> None:
    event = _last_of(_told(make_run(home)), "self_generate")
    inner: Any = event
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises((ValidationError, Unresolvable)):
        check(event)
