"""Files of schedules are read strictly: what is wrong is one line that names the file and the key."""

from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from pipelines.revision import data_revision
from pipelines.sample_data import ROOT
from pipelines.schedule.schedules import FOLDER, Missed, check_revision, profile_of, read_schedule, read_schedules
from tests.pipelines.results import make_corpus
from tests.pipelines.schedule.making import make_schedule, write_schedule

_EMAIL = {"to": ["a@b"], "sender": "a@b", "host": "h"}


def test_the_examples_of_the_repository_are_schedules() -> None:
    assert [schedule.name for schedule in read_schedules(FOLDER)] == ["nightly-if-due", "weekly"]


def test_a_file_says_when_what_and_for_whom(tmp_path: Path) -> None:
    schedule = read_schedule(write_schedule(tmp_path, on_missed="skip", set=["train_model.steps=3"], corpora=["mine"]))
    assert (schedule.owner, schedule.on_missed, schedule.concurrency) == ("data team", Missed.SKIP, 1)
    assert schedule.arguments() == [
        *("--profile", "smoke", "--corpus", str(ROOT / "mine")),
        "--set=train_model.steps=3",
    ]
    assert profile_of(schedule).train_model.steps == 3


def test_published_data_are_what_the_run_starts_from() -> None:
    schedule = make_schedule(data_revision="published:spring@abc")
    assert schedule.arguments() == ["--profile", "smoke", "--from-published", "spring@abc"]


def test_a_budget_is_that_of_every_run() -> None:
    assert make_schedule(budget=12.5, max_device_hours=8).arguments() == [
        *("--profile", "smoke", "--budget=12.5", "--max-device-hours=8.0")
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"crom": "0 3 * * *"}, "crom: no such key; did you mean cron\\?"),
        ({"cron": "0 3 * *"}, "cron: '0 3 \\* \\*' has 4 fields"),
        ({"cron": 5}, "cron: .*string"),
        ({"timezone": "Europe/Pariss"}, "timezone: no such time zone; did you mean Europe/Paris\\?"),
        ({"timezone": "CEST"}, "timezone: no such time zone"),
        ({"timezone": "../../etc/passwd"}, "timezone: no such time zone"),
        ({"profile": "big"}, "profile: profile big: no such profile; .*known: smoke, sample"),
        ({"set": ["train_model.step=3"]}, "set: train_model.step: no such parameter"),
        ({"set": "train_model.steps=3"}, "set: "),
        ({"name": "Weekly Run"}, "name: "),
        ({"name": "../x"}, "name: "),
        ({"owner": "a\nb"}, "owner: want a line of text"),
        ({"owner": None}, "owner: "),
        ({"concurrency": 0}, "concurrency: "),
        ({"budget": 0}, "budget: "),
        ({"max_device_hours": "8"}, "max_device_hours: "),
        ({"concurrency": "1"}, "concurrency: "),
        ({"only_if_due": "sometimes"}, "only_if_due: "),
        ({"on_missed": "later"}, "on_missed: "),
        ({"data_revision": "yesterday"}, "data_revision: "),
        ({"data_revision": "published:spring", "corpora": ["mine"]}, "corpora: a run from published data reads none"),
        ({"cluster": "no/such.yaml"}, "cluster: .*no/such.yaml: cannot be read"),
        ({"cluster": ""}, "cluster: "),
        ({"cluster": "infra/clusters/laptop.yaml", "data_revision": "published:a"}, "data_revision: pods do not see"),
        ({"alerts": {}}, "alerts: nobody is told"),
        ({"alerts": {"webhook": {"url": "ftp://x"}}}, "alerts.webhook.url: .*want an address of http"),
        ({"alerts": {"webhook": {"url": "https://me:s3cret@x/"}}}, "alerts.webhook.url: .*without user, password"),
        ({"alerts": {"webhook": {"url": "http://x", "secret_env": "s3cret!"}}}, "alerts.webhook.secret_env: "),
        ({"alerts": {"about": ["fire"], "webhook": {"url": "http://x"}}}, "alerts.about.0: "),
        ({"alerts": {"email": {**_EMAIL, "to": []}}}, "alerts.email.to: "),
        ({"alerts": {"email": {**_EMAIL, "to": ["a@b\nBcc: c@d"]}}}, "alerts.email.to.0: "),
        (
            {"alerts": {"email": {**_EMAIL, "user": "me"}}},
            "alerts.email: user and password_env go together",
        ),
        (
            {"alerts": {"email": {**_EMAIL, "security": "plain", "user": "me", "password_env": "PASSWORD"}}},
            "alerts.email: a password is not sent in the clear",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_key(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(write_schedule(tmp_path / "made", **{**change, "name": "weekly"}).read_text())
    if "name" in change:
        (tmp_path / "x.yaml").write_text(
            (tmp_path / "x.yaml").read_text().replace("name: weekly", f"name: {change['name']}")
        )
    with pytest.raises(ConfigurationError, match=rf"x\.yaml: {said}") as caught:
        read_schedules(tmp_path)
    assert "\n" not in str(caught.value)
    assert "s3cret@" not in str(caught.value)


@pytest.mark.parametrize("key", ["name", "owner", "cron", "timezone", "profile"])
def test_a_missing_key_is_named(key: str, tmp_path: Path) -> None:
    file = write_schedule(tmp_path)
    lines = [line for line in file.read_text().splitlines() if not line.startswith(f"{key}:")]
    file.write_text("\n".join(lines))
    with pytest.raises(ConfigurationError, match=f"{key}: is missing"):
        read_schedules(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file: "),
        ("- a\n- b", "the file: "),
        ("cron: * * * * *", "cannot be read"),
        ("name: a\nname: b", "key 'name' is there twice"),
        ("!!python/object/apply:os.system ['true']", "cannot be read"),
        ("name: \x00", "cannot be read"),
        ("a: &a [*a]", "cannot be read: Circular"),
        ("[" * 500, "cannot be read"),
        ("{2026-01-01: a}", "cannot be read"),
    ],
)
def test_a_file_that_is_no_schedule_is_one_line(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(content)
    with pytest.raises(ConfigurationError, match=rf"x\.yaml: .*({said})") as caught:
        read_schedules(tmp_path)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(ConfigurationError, match=r"x\.yml: cannot be read"):
        read_schedules(tmp_path)


def test_two_files_with_one_name_are_an_error(tmp_path: Path) -> None:
    file = write_schedule(tmp_path)
    (tmp_path / "zzz.yml").write_text(file.read_text())
    with pytest.raises(ConfigurationError, match=r"zzz\.yml: name: weekly is that of weekly\.yaml too"):
        read_schedules(tmp_path)


def test_a_folder_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder"):
        read_schedules(tmp_path / "nowhere")


def test_a_run_starts_on_the_data_that_the_file_names_and_on_no_others(home: Home, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "mine")
    here = data_revision([corpus], home)
    pinned = make_schedule(corpora=[str(corpus)], data_revision=here)
    check_revision(pinned, profile_of(pinned), home)
    (corpus / "a.flac").write_bytes((corpus / "a.flac").read_bytes()[:-1])
    with pytest.raises(ConfigurationError, match=f"weekly: data_revision: wants {here}, here is corpora:"):
        check_revision(pinned, profile_of(pinned), home)
    latest = make_schedule(corpora=[str(corpus)])
    check_revision(latest, profile_of(latest), home)
