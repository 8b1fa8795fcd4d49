"""The reconciler against Kubeflow's own API: create, change, drift, delete, crash in the middle, two at once."""

import threading
from typing import Any

import pytest

from components.core.contracts.errors import SourceError
from pipelines.schedule.reconcile import apply, differences
from pipelines.schedule.recurring_runs import RecurringRuns
from tests.pipelines.schedule.kubeflow import Kubeflow, slowly
from tests.pipelines.schedule.making import make_schedule
from tests.pipelines.schedule.reconciling import actions, only, runs_at, wanted_runs


def test_what_is_equal_is_not_touched(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    wanted = wanted_runs(make_schedule(), make_schedule(name="nightly"))
    apply(wanted, cluster)
    before, kubeflow.requests = dict(kubeflow.runs), []
    assert actions(apply(wanted, cluster)) == {"weekly": "keep", "nightly": "keep"}
    assert kubeflow.requests == []
    assert kubeflow.runs == before


def test_a_plan_changes_nothing(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    assert actions(differences(wanted_runs(), cluster.found())) == {"weekly": "create"}
    assert kubeflow.requests == []


def test_a_changed_file_replaces_its_run_and_never_do_two_of_them_fire(
    kubeflow: Kubeflow, cluster: RecurringRuns
) -> None:
    apply(wanted_runs(), cluster)
    (change,) = apply(wanted_runs(make_schedule(cron="0 4 * * *")), cluster)
    assert (change.action, change.because) == ("replace", ("cron: 0 0 3 * * mon → 0 0 4 * * *",))
    assert only(kubeflow)["trigger"]["cron_schedule"]["cron"] == "0 0 4 * * *"
    assert only(kubeflow)["mode"] == "ENABLE"
    assert max(kubeflow.enabled_at_once) == 1


def test_a_schedule_without_a_file_is_removed_and_what_others_made_is_not(
    kubeflow: Kubeflow, cluster: RecurringRuns
) -> None:
    apply(wanted_runs(), cluster)
    theirs = {**only(kubeflow), "description": "by hand", "recurring_run_id": "theirs"}
    kubeflow.runs["theirs"] = theirs
    assert actions(apply([], cluster)) == {"weekly": "delete"}
    assert kubeflow.runs == {"theirs": theirs}


def test_another_experiment_is_another_world(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    apply(wanted_runs(), cluster)
    apply([], runs_at(kubeflow.host, "of another team"))
    assert len(kubeflow.runs) == 1


@pytest.mark.parametrize(
    ("by_hand", "action", "said"),
    [
        ({"mode": "DISABLE"}, "enable", "is disabled on the cluster"),
        (
            {"trigger": {"cron_schedule": {"cron": "0 0 5 * * *"}}},
            "replace",
            "cron (changed by hand): 0 0 5 * * * → 0 0 3 * * mon",
        ),
        ({"max_concurrency": "9"}, "replace", "concurrency (changed by hand): 9 → 1"),
        ({"no_catchup": False}, "replace", "no_catchup (changed by hand): False → True"),
        (
            {"runtime_config": {"parameters": {}}},
            "replace",
            "parameters (changed by hand): corpora, data_revision, enc",
        ),
        ({"trigger": {"periodic_schedule": {"interval_second": "60"}}}, "replace", "cron (changed by hand):  → 0 0 3"),
    ],
)
def test_what_a_person_changed_on_the_cluster_is_named_and_put_back(
    by_hand: dict[str, Any], action: str, said: str, kubeflow: Kubeflow, cluster: RecurringRuns
) -> None:
    apply(wanted_runs(), cluster)
    only(kubeflow).update(by_hand)
    (change,) = apply(wanted_runs(), cluster)
    assert change.action == action
    assert change.because[0].startswith(said)
    assert [each.action for each in differences(wanted_runs(), cluster.found())] == ["keep"]


def test_a_copy_that_a_person_made_goes(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    apply(wanted_runs(), cluster)
    kubeflow.runs["zzz"] = {**only(kubeflow), "recurring_run_id": "zzz"}
    (change,) = apply(wanted_runs(), cluster)
    assert change.because == ("1 more of the same name, which go",)
    assert "zzz" not in kubeflow.runs
    assert only(kubeflow)["mode"] == "ENABLE"


def test_many_pages_of_recurring_runs_are_all_seen(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    kubeflow.page_size = 2
    wanted = wanted_runs(*(make_schedule(name=f"n{number}") for number in range(7)))
    apply(wanted, cluster)
    assert len(kubeflow.runs) == 7
    assert {change.action for change in apply(wanted, cluster)} == {"keep"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fatal", range(1, 9))
def test_a_crash_at_any_request_is_finished_by_the_next_apply(
    fatal: int, when: str, kubeflow: Kubeflow, cluster: RecurringRuns
) -> None:
    """The server fails at one of the requests of a replacement and a creation, once before and once after doing it."""
    apply(wanted_runs(), cluster)
    wanted = wanted_runs(make_schedule(cron="0 4 * * *"), make_schedule(name="nightly"))
    count = 0

    def once(_: str) -> int | None:
        nonlocal count
        count += 1
        return 500 if count == fatal else None

    setattr(kubeflow, when, once)
    with pytest.raises(SourceError, match=r"500: .*told to fail.*try again"):
        apply(wanted, cluster)
    assert len([r for r in kubeflow.runs.values() if r["mode"] == "ENABLE" and "weekly" in r["description"]]) <= 1
    apply(wanted, cluster)
    found = {run["display_name"]: (run["trigger"], run["mode"]) for run in kubeflow.runs.values()}
    assert found == {
        "desta weekly": ({"cron_schedule": {"cron": "0 0 4 * * *"}}, "ENABLE"),
        "desta nightly": ({"cron_schedule": {"cron": "0 0 3 * * mon"}}, "ENABLE"),
    }
    assert len(kubeflow.runs) == 2


def test_two_reconcilers_that_both_make_one_keep_the_same_one(kubeflow: Kubeflow) -> None:
    """Both are held until both have seen that there is none."""
    both = threading.Barrier(2)

    def hold(request: str) -> None:
        if request == "POST /recurringruns":
            both.wait(timeout=10)

    kubeflow.before = hold
    errors: list[BaseException] = []

    def reconcile_alone() -> None:
        try:
            apply(wanted_runs(), runs_at(kubeflow.host, "desta"))
        except BaseException as error:  # noqa: BLE001 (told to the test)
            errors.append(error)

    threads = [threading.Thread(target=reconcile_alone) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert errors == []
    assert kubeflow.requests.count("POST /recurringruns") == 2
    assert only(kubeflow)["mode"] == "ENABLE"
    assert max(kubeflow.enabled_at_once) == 1
    assert len(kubeflow.experiments) == 1


def test_what_another_reconciler_removed_first_is_no_error(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    apply(wanted_runs(), cluster)

    def snatch(request: str) -> None:
        if request.startswith("DELETE"):
            kubeflow.runs.pop(request.rsplit("/", 1)[1], None)

    kubeflow.before = snatch
    apply([], cluster)
    assert kubeflow.runs == {}


def test_a_conflict_is_settled_by_looking_again(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    kubeflow.before = lambda request: 409 if request.startswith("POST") and len(kubeflow.requests) == 2 else None
    apply(wanted_runs(), cluster)
    assert only(kubeflow)["mode"] == "ENABLE"


def test_a_cluster_that_never_becomes_equal_is_given_up(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    kubeflow.before = lambda request: 409 if request == "POST /recurringruns" else None
    with pytest.raises(SourceError, match="still differs after 6 rounds"):
        apply(wanted_runs(), cluster)


def test_slow_answers_are_waited_for(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    kubeflow.before = slowly(0.05)
    apply(wanted_runs(), cluster)
    assert len(kubeflow.runs) == 1


def test_a_server_that_does_not_answer_is_one_line(
    kubeflow: Kubeflow, cluster: RecurringRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.cluster.api.TIMEOUTS_S", (5.0, 0.1))
    kubeflow.before = slowly(0.3)
    with pytest.raises(SourceError, match="no answer in time") as caught:
        cluster.found()
    assert "\n" not in str(caught.value)


def test_nobody_at_the_address_is_one_line() -> None:
    with pytest.raises(SourceError, match=r"http://127\.0\.0\.1:9: cannot be reached") as caught:
        runs_at("http://127.0.0.1:9", "desta").found()
    assert "\n" not in str(caught.value)


def test_a_page_for_people_is_not_taken_for_an_empty_cluster(kubeflow: Kubeflow, cluster: RecurringRuns) -> None:
    kubeflow.content_type = "text/html"
    with pytest.raises(SourceError, match="not as Kubeflow Pipelines' API"):
        cluster.found()


def test_the_token_of_the_environment_is_sent_and_stands_in_no_error(
    kubeflow: Kubeflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KFP_TOKEN", "s3cret")
    kubeflow.before = lambda _: 401
    with pytest.raises(SourceError, match="401") as caught:
        runs_at(kubeflow.host, "desta").found()
    assert kubeflow.tokens == ["Bearer s3cret"]
    assert "s3cret" not in str(caught.value)
