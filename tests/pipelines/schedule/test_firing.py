"""After a run those are told whom it concerns: of a failure, a gate's refusal, and drift that the run found."""

import json
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from components.core.home import Home
from components.core.runs import Output, State, stage_file, write_record, write_run
from pipelines.profiles import Profile
from pipelines.schedule.due import Verdict
from pipelines.schedule.fires import By, Fires
from pipelines.schedule.firing import Firing
from pipelines.schedule.launch import Ended
from pipelines.schedule.schedules import Schedule
from tests.pipelines.results import make_run_record, make_stage_record
from tests.pipelines.schedule.mailbox import receiving
from tests.pipelines.schedule.making import make_schedule

SHIFT = "speaker shares changed by 0.40 (at most 0.2): a 90% → a 50%"


def _leave_run(home: Home, *, reused: bool = False) -> None:
    """Leave a run whose validation found drift."""
    docs = home.root / "result" / "data_docs"
    docs.mkdir(parents=True)
    (docs / "drift.json").write_text(json.dumps({"warnings": [SHIFT]}))
    outputs = {"accepted": Output(digest="a", path=str(home.root / "result"))}
    done = make_stage_record(stage="validate_data", state=State.SUCCEEDED, outputs=outputs, reused=reused)
    write_run(home.runs / "r1", make_run_record())
    write_record(stage_file(home.runs / "r1", "validate_data"), done)


def _fire(home: Home, ended: Ended, **alerts: Any) -> tuple[tuple[str, ...], list[str]]:
    """Fire a schedule whose run ends so; return what the history says of alerts, and the subjects that arrived."""

    def launch(schedule: Schedule, home: Home, files: Path, stop: Flag) -> Ended:
        del schedule, home, files, stop
        return ended

    def judge(profile: Profile, home: Home) -> Verdict:
        del profile, home
        return Verdict(due=False, reasons=())

    with receiving() as box:
        email = {"to": ["a@b"], "sender": "d@b", "host": "localhost", "port": box.port, "security": "plain"}
        fires = Fires(home)
        firing = Firing(home=home, fires=fires, stop=Flag(), launch=launch, judge=judge)
        firing.fire(make_schedule(alerts={"email": email, **alerts}), By.SCHEDULE, firing.now_s())
    subjects = [line for text in box.messages for line in text.splitlines() if line.startswith("Subject: ")]
    (fire,) = fires.history()
    return fire.alerts, subjects


@pytest.mark.parametrize(
    ("ended", "events"),
    [
        (Ended(0, "r1", None), ["drift"]),
        (Ended(3, "r1", "evaluate_model: it does not hear"), ["refusal", "drift"]),
        (Ended(1, "r1", "train_model: full"), ["failure", "drift"]),
        (Ended(1, None, "no disk"), ["failure"]),
        (Ended(130, None, "interrupted"), []),
    ],
)
def test_each_event_is_told(ended: Ended, events: list[str], home: Home) -> None:
    _leave_run(home)
    told, subjects = _fire(home, ended)
    assert subjects == [f"Subject: desta: {event} of schedule weekly" for event in events]
    assert told == tuple(f"{event} by e-mail: delivered" for event in events)


def test_drift_that_an_earlier_run_found_is_no_news(home: Home) -> None:
    _leave_run(home, reused=True)
    assert _fire(home, Ended(0, "r1", None)) == ((), [])


def test_events_that_the_file_does_not_name_are_not_told(home: Home) -> None:
    _leave_run(home)
    assert _fire(home, Ended(1, "r1", "full"), about=["drift"]) == (
        ("drift by e-mail: delivered",),
        ["Subject: desta: drift of schedule weekly"],
    )


def test_an_alert_that_cannot_be_delivered_does_not_change_what_the_run_was(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    _leave_run(home)
    webhook = {"url": "http://127.0.0.1:9/", "secret_env": "HOOK_SECRET"}
    told, _ = _fire(home, Ended(3, "r1", "the gate"), about=["refusal"], webhook=webhook)
    assert told == (
        "refusal by webhook: not delivered: the environment variable HOOK_SECRET is not set",
        "refusal by e-mail: delivered",
    )
    assert Fires(home).history()[0].outcome == "refused"
