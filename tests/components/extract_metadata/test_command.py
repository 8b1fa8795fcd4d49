import subprocess
import sys
from inspect import signature
from pathlib import Path
from types import SimpleNamespace

import pytest

from components.core.contracts.artifacts import open_artifact
from components.core.models.store import ENCODER, StoredModel
from components.core.settings import as_flags, checked, given
from components.extract_metadata.__main__ import NAME, main, parser
from components.extract_metadata.component import extract_metadata
from components.extract_metadata.settings import ExtractMetadataSettings
from tests.builders import make_clip
from tests.components.extract_metadata.making import write_clips

pytestmark = pytest.mark.usefixtures("home", "encoder")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "clips", [make_clip()]).folder


def test_a_corpus_with_transcripts_is_described_without_torch(clips: Path, tmp_path: Path) -> None:
    program = "import sys, components.extract_metadata.__main__ as m; m.main(sys.argv[1:]); print(sorted(sys.modules))"
    argv = ["--clips", str(clips), "--encoder", ENCODER, "--descriptions", str(tmp_path / "out")]
    done = subprocess.run(
        [sys.executable, "-c", program, *argv],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert "'torch'" not in done.stdout
    assert open_artifact(tmp_path / "out", "descriptions").manifest.counts.rows_out == 1


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (
            ["--encoder", ENCODER, "--vad-threshold", "2"],
            2,
            "extract_metadata.vad_threshold: Input should be less than",
        ),
        (["--encoder", ENCODER, "--transcribe", "always"], 2, "extract_metadata.transcribe: Input should be 'missing'"),
        (["--encoder", "pypi://no-such-model@1.0"], 2, "pypi://no-such-model@1.0: not in the model store"),
        (["--encoder", ENCODER, "--clips", "absent"], 1, "absent: no manifest.json"),
    ],
)
def test_a_failure_is_one_line_and_its_exit_code(
    arguments: list[str], code: int, line: str, clips: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--clips", str(clips), "--descriptions", str(tmp_path / "out"), *arguments])
    assert caught.value.code == code
    errors = [shown for shown in capfd.readouterr().err.splitlines() if shown.startswith("error: ")]
    assert len(errors) == 1
    assert line in errors[0]
    assert not (tmp_path / "out").exists()


def test_a_flipped_byte_of_a_clip_is_named(clips: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shard = clips / "part-00000.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(SystemExit) as caught:
        main(["--clips", str(clips), "--encoder", ENCODER, "--descriptions", str(tmp_path / "out")])
    assert caught.value.code == 1
    assert f"error: {shard}: content changed" in capfd.readouterr().err


def test_wrapper_and_command_line_name_the_same_things() -> None:
    flags = {action.dest for action in parser()._actions} - {"help"}
    parameters = set(signature(extract_metadata.python_func).parameters)
    assert flags == (parameters - {"settings"}) | set(ExtractMetadataSettings.model_fields)


def test_settings_survive_the_way_through_kubeflow() -> None:
    sent = ExtractMetadataSettings().model_dump()
    carried = {name: float(value) if isinstance(value, int) else value for name, value in sent.items()}
    args = parser().parse_args(["--clips", "c", "--encoder", "e", "--descriptions", "d", *as_flags(carried)])
    assert checked(NAME, ExtractMetadataSettings, given(args, ExtractMetadataSettings)) == ExtractMetadataSettings()


def test_the_wrapper_does_what_the_command_does(clips: Path, tmp_path: Path, encoder: StoredModel) -> None:
    extract_metadata.python_func(
        clips=SimpleNamespace(path=str(clips)),
        encoder=ENCODER,
        settings={"transcribe": "never", "longest_text": 50.0},
        descriptions=SimpleNamespace(path=str(tmp_path / "out")),
    )
    lineage = open_artifact(tmp_path / "out", "descriptions").manifest.lineage
    assert lineage.settings == ExtractMetadataSettings(transcribe="never", longest_text=50).model_dump()
    assert lineage.models == {"encoder": encoder.digest}
