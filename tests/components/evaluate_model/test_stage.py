"""A real evaluation of an adapter that was never trained: whatever it hears, it must not pass."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact, Draft, Lineage, Tally, open_artifact
from components.core.contracts.records import Answer, Domain, Record, Split
from components.core.home import current_home
from components.core.models.adapter import untrained_adapter
from components.core.models.loading import load_llm
from components.core.models.model_artifact import ADAPTER_FILE, ModelConfig, save_model
from components.core.models.store import ENCODER, LLM, StoredModel
from components.core.models.upstream_checkpoint import upstream_config, write_upstream
from components.evaluate_model.__main__ import main
from components.evaluate_model.benchmarks.journal import Journal
from components.evaluate_model.compare import main as compare
from pipelines.model_exchange import import_model
from tests.builders import make_clip, make_sample, make_tone
from tests.core.inference.making import ADAPTER, untrained_model
from tests.core.models.test_adapter import make_config
from tests.core.models.test_lora import trained_lora

pytestmark = pytest.mark.usefixtures("home")


def closed(folder: Path, kind: str, rows: list[Record]) -> Path:
    draft, tally = Draft(folder), Tally()
    tally.rows_in = tally.rows_out = len(rows)
    if rows:
        draft.write(rows, type(rows[0]))
    lineage = Lineage(stage="x", key="1" * 64, code="2" * 64, settings={}, inputs={}, models={}, sources={})
    draft.close(kind=kind, counts=tally.counts(), facts={}, lineage=lineage)
    return folder


def make_model(folder: Path, encoder: StoredModel, llm: StoredModel, **changes: Any) -> Path:
    return closed(untrained_model(folder, encoder, llm, **changes), "model", [])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("inputs")
    domains = (Domain.SOUND, Domain.SOUND, Domain.MUSIC, Domain.MUSIC)
    clips = [
        make_clip(pcm=make_tone(hertz=200.0 + 90 * n), domain=domain, split=Split.EVALUATION)
        for n, domain in enumerate(domains)
    ]
    samples = [
        make_sample(clip_id=clip.clip_id, domain=domain, split=Split.EVALUATION)
        for clip, domain in zip(clips, domains, strict=True)
    ]
    for name in ("clips", "accepted"):
        (folder / name).mkdir()
    return [
        *("--clips", str(closed(folder / "clips", "clips", list(clips)))),
        *("--accepted", str(closed(folder / "accepted", "accepted", list(samples)))),
    ]


def evaluate(model: Path, inputs: list[str], out: Path, *more: str) -> Artifact:
    small = ["--answers", "2", "--answer-tokens", "4", "--batch", "2", "--resamples", "100"]
    small += ["--text-questions", "2", "--text-tokens", "4", *more]
    main(["--model", str(model), *inputs, "--encoder", ENCODER, "--llm", LLM, "--report", str(out), *small])
    return open_artifact(out, "report")


def test_an_untrained_model_is_measured_and_does_not_pass(
    inputs: list[str], encoder: StoredModel, llm: StoredModel, tmp_path: Path
) -> None:
    report = evaluate(make_model(tmp_path / "model", encoder, llm), inputs, tmp_path / "out")

    answers = list(report.read(Answer))
    facts = report.manifest.facts
    assert len(answers) == 4
    assert all(answer.nll_untrained == pytest.approx(answer.nll_trained) for answer in answers)
    assert all(answer.wrong_clip_id != answer.clip_id for answer in answers)
    assert sum(answer.response_trained is not None for answer in answers) == 2
    assert facts["ppl_untrained"] == pytest.approx(facts["ppl_trained"])
    assert {line.partition(": ")[0] for line in facts["refusals"]} == {
        "minimum.perplexity_drop.at_least",
        "minimum.audio_gain.above",
        "minimum.accuracy_over_untrained.above",
    }
    assert set(json.loads((tmp_path / "out" / "report.json").read_text())["domains"]) == {"sound", "music"}
    assert "The model does not pass the gate" in (tmp_path / "out" / "report.html").read_text()
    assert [entry.path for entry in report.manifest.attachments] == ["report.html"]


def test_an_untrained_model_answers_as_its_baseline_does_and_forgets_nothing(
    inputs: list[str], encoder: StoredModel, llm: StoredModel, tmp_path: Path
) -> None:
    facts = evaluate(make_model(tmp_path / "model", encoder, llm), inputs, tmp_path / "out").manifest.facts

    assert facts["accuracy"] == facts["accuracy_untrained"]
    assert facts["accuracy_over_untrained"] == 0
    assert {"accuracy_cascade", "accuracy_described"} < facts.keys()
    assert (facts["text_accuracy_drop"], facts["identical_texts"]) == (0, 1)
    asked = json.loads((tmp_path / "out" / "desta-sample" / "trained" / "desta-sample.json").read_text())
    assert len(asked) == 4
    assert all(row["model_output"] in row["choices"] for row in asked)


def test_a_lora_changes_what_the_backbone_says_without_audio_and_no_baseline(
    inputs: list[str], encoder: StoredModel, llm: StoredModel, tmp_path: Path
) -> None:
    lora = trained_lora(load_llm(llm.folder))
    model = make_model(tmp_path / "model", encoder, llm, lora=lora)
    report = evaluate(model, inputs, tmp_path / "out")

    facts = report.manifest.facts
    plain = evaluate(make_model(tmp_path / "plain", encoder, llm), inputs, tmp_path / "plainly").manifest.facts
    assert facts["identical_texts"] < 1
    assert facts["text_accuracy_before"] == plain["text_accuracy_before"]
    same = ("ppl_untrained", "accuracy_untrained", "accuracy_cascade", "accuracy_described")
    assert {name: facts[name] for name in same} == {name: plain[name] for name in same}
    assert facts["ppl_trained"] != facts["ppl_untrained"]

    compared = [f"--report={tmp_path / 'out'}", f"--champion={tmp_path / 'plainly'}", inputs[0], inputs[1]]
    with pytest.raises(SystemExit) as refused:
        compare([*compared, f"--to={tmp_path / 'beside'}", "--name=version 1"])
    assert refused.value.code == 3
    comparison = json.loads((tmp_path / "beside" / "comparison.json").read_text())
    assert comparison["shared"] == {"held-out answers": 4, "desta-sample": 4, "desta-text": 2}
    assert "version 1" in (tmp_path / "beside" / "report.html").read_text()


def test_what_a_killed_evaluation_had_asked_is_not_asked_again(
    inputs: list[str], encoder: StoredModel, llm: StoredModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(tmp_path / "model", encoder, llm)
    whole = evaluate(model, inputs, tmp_path / "whole")
    kept: list[Record] = []
    keep = Journal.keep

    def until(journal: Journal[Record], record: Record) -> None:
        if len(kept) == until_killed:
            raise KeyboardInterrupt
        kept.append(record)
        keep(journal, record)

    monkeypatch.setattr(Journal, "keep", until)
    home = current_home()
    shutil.rmtree(home.store / "evaluate_model")
    for until_killed in (3, 20, 1000):
        if until_killed == 1000:
            evaluate(model, inputs, tmp_path / "again")
        else:
            with pytest.raises(SystemExit):
                evaluate(model, inputs, tmp_path / "again")

    everything = [*whole.read(Answer)]
    assert open_artifact(tmp_path / "again", "report").digest == whole.digest
    assert sum(isinstance(record, Answer) for record in kept) == len(everything)
    # Four answers, two of them written out, four transcripts, four questions to four systems, two without audio to two.
    assert len(kept) == 4 + 2 + 4 + 4 * 4 + 2 * 2


def test_without_questions_the_line_of_the_policy_says_what_is_not_known(
    inputs: list[str], encoder: StoredModel, llm: StoredModel, tmp_path: Path
) -> None:
    none = ("--questions", "0", "--text-questions", "0")
    facts = evaluate(make_model(tmp_path / "model", encoder, llm), inputs, tmp_path / "out", *none).manifest.facts

    assert "accuracy" not in facts
    assert any(line.startswith("minimum.text_accuracy_drop: there is no such figure") for line in facts["refusals"])


@pytest.mark.usefixtures("encoder", "llm")
def test_a_model_that_was_imported_is_measured(inputs: list[str], tmp_path: Path) -> None:
    form = ADAPTER.model_copy(update={"mask_frames": False, "normalise": False})
    (tmp_path / "upstream").mkdir()
    said = upstream_config(form, "openai/whisper-tiny", "org/llm", "<file_sep>")
    write_upstream(tmp_path / "upstream", untrained_adapter(form), said)
    import_model(tmp_path / "upstream", ENCODER, LLM, tmp_path / "model", current_home())

    report = evaluate(tmp_path / "model", inputs, tmp_path / "out")

    # What it is compared with are other weights: the file does not say how those in it began.
    assert all(answer.nll_untrained != answer.nll_trained for answer in report.read(Answer))


def test_a_model_of_another_backbone_is_refused_in_one_line(
    inputs: list[str],
    encoder: StoredModel,
    llm: StoredModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = make_model(tmp_path / "model", encoder, llm, claimed_llm="f" * 64)

    with pytest.raises(SystemExit) as stopped:
        evaluate(model, inputs, tmp_path / "out")

    assert stopped.value.code == 1
    assert "error: evaluate_model: the model was trained with llm ffffffffffff" in capsys.readouterr().err


def test_weights_of_another_adapter_do_not_load_in_silence(
    inputs: list[str],
    encoder: StoredModel,
    llm: StoredModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = make_model(tmp_path / "model", encoder, llm)
    save_model(
        tmp_path,
        untrained_adapter(make_config(encoder_width=384, encoder_heads=6, llm_width=576, queries=5)),
        ModelConfig.model_validate_json((model / "config.json").read_bytes()),
    )
    (model / ADAPTER_FILE).write_bytes((tmp_path / ADAPTER_FILE).read_bytes())
    (model / "manifest.json").unlink()

    with pytest.raises(SystemExit):
        evaluate(closed(model, "model", []), inputs, tmp_path / "out")

    assert f"{ADAPTER_FILE}: does not fit config.json: size mismatch" in capsys.readouterr().err
