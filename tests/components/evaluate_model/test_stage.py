"""A real evaluation of an adapter that was never trained: whatever it hears, it must not pass."""

import json
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact, Draft, Lineage, Tally, open_artifact
from components.core.contracts.records import Answer, Domain, Record, Split
from components.core.home import current_home
from components.core.models.adapter import untrained_adapter
from components.core.models.model_artifact import ADAPTER_FILE, ModelConfig, save_model
from components.core.models.store import ENCODER, LLM, StoredModel
from components.core.models.upstream_checkpoint import upstream_config, write_upstream
from components.evaluate_model.__main__ import main
from pipelines.model_exchange import import_model
from tests.builders import make_clip, make_sample, make_tone
from tests.core.inference.making import ADAPTER, untrained_model
from tests.core.models.test_adapter import make_config

pytestmark = pytest.mark.usefixtures("home")


def closed(folder: Path, kind: str, rows: list[Record]) -> Path:
    draft, tally = Draft(folder), Tally()
    tally.rows_in = tally.rows_out = len(rows)
    if rows:
        draft.write(rows, type(rows[0]))
    lineage = Lineage(stage="x", key="1" * 64, code="2" * 64, settings={}, inputs={}, models={}, sources={})
    draft.close(kind=kind, counts=tally.counts(), facts={}, lineage=lineage)
    return folder


def make_model(folder: Path, encoder: StoredModel, llm: StoredModel, *, claimed_llm: str | None = None) -> Path:
    return closed(untrained_model(folder, encoder, llm, claimed_llm=claimed_llm), "model", [])


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("inputs")
    domains = (Domain.SOUND, Domain.SOUND, Domain.MUSIC, Domain.MUSIC)
    clips = [make_clip(pcm=make_tone(hertz=200.0 + 90 * n)) for n in range(4)]
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


def evaluate(model: Path, inputs: list[str], out: Path) -> Artifact:
    small = ["--answers", "2", "--answer-tokens", "4", "--batch", "2", "--resamples", "100"]
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
    assert any(line.startswith("perplexity fell by") for line in facts["refusals"])
    assert "Refused: perplexity fell by" in (tmp_path / "out" / "report.md").read_text()
    assert set(json.loads((tmp_path / "out" / "report.json").read_text())["domains"]) == {"sound", "music"}


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
