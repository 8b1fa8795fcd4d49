import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from dvc.repo import Repo

from components.core.home import Home
from pipelines.doctor import GROUPS, Answer, Check, data, diagnose, models
from pipelines.findings import Finding, State, report


def well() -> Answer:
    print("a library that prints on import")
    return State.OK, "1.0"


def doubtful() -> Answer:
    return State.WARNING, "3 GiB free"


def kills_its_process() -> Answer:
    os.kill(os.getpid(), signal.SIGSEGV)
    return State.OK, "never said"


def leaves() -> Answer:
    sys.exit(0)


def lacks_a_library() -> Answer:
    raise ImportError("libcudart.so.13: cannot open shared object file")


def hangs() -> Answer:
    time.sleep(600)
    return State.OK, "never said"


def check(name: str) -> Check:
    examine = {c.__name__: c for c in (well, doubtful, kills_its_process, leaves, lacks_a_library, hangs)}[name]
    return Check(name, examine, f"mend {name}")


def test_broken_parts_are_named_with_their_reason_and_the_parts_after_them_are_still_examined() -> None:
    names = ("well", "kills_its_process", "lacks_a_library", "leaves", "doubtful")
    assert diagnose([[check(name) for name in names]]) == [
        Finding("well", State.OK, "1.0", ""),
        Finding("kills_its_process", State.ERROR, "killed by SIGSEGV", "mend kills_its_process"),
        Finding(
            "lacks_a_library",
            State.ERROR,
            "ImportError: libcudart.so.13: cannot open shared object file",
            "mend lacks_a_library",
        ),
        Finding("leaves", State.ERROR, "ended with exit code 0", "mend leaves"),
        Finding("doubtful", State.WARNING, "3 GiB free", "mend doubtful"),
    ]


def test_a_part_that_hangs_is_given_up() -> None:
    (finding,) = diagnose([[check("hangs")]], patience_s=1)
    assert (finding.state, finding.detail) == (State.ERROR, "no answer within 1 s")


def test_the_parts_that_set_up_mends_work_on_this_host() -> None:
    wanted = {"python", "soundfile", "torch", "torchaudio", "silero_vad"}
    findings = diagnose([[check for check in group if check.name in wanted] for group in GROUPS])
    assert {f.name: f.detail for f in findings if f.state is State.ERROR} == {}
    assert {f.name for f in findings} == wanted


def test_the_report_is_a_table_for_people_and_a_list_for_scripts() -> None:
    findings = [Finding("kfp", State.OK, "2.17.0", ""), Finding("torch", State.ERROR, "ImportError: x", "make setup")]
    assert report(findings, as_json=False).splitlines() == [
        "ok       kfp    2.17.0",
        "error    torch  ImportError: x",
        "                mend: make setup",
        "2 checks: 1 ok, 0 warning, 1 error",
    ]
    assert json.loads(report(findings, as_json=True))[1] == {
        "name": "torch",
        "state": "error",
        "detail": "ImportError: x",
        "mend": "make setup",
    }


def test_data_that_was_changed_by_hand_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    clip = tmp_path / "data" / "clip.wav"
    clip.parent.mkdir()
    clip.write_bytes(b"first")
    Repo.init(no_scm=True).add("data")
    assert data()[0] is State.OK
    clip.write_bytes(b"other")
    assert data() == (State.ERROR, 'data/ is not what data.dvc names: [{"changed outs": {"data": "modified"}}]')


def test_models_that_were_not_fetched_yet_are_a_warning(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTA_MODELS", str(home.root / "none"))
    state, detail = models()
    assert state is State.WARNING
    assert "desta models fetch" in detail
