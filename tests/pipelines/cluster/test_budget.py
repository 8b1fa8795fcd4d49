"""A budget on a cluster: time-outs that no run can overspend under, however often its tasks fail."""

from pathlib import Path

import pytest

from components.core.home import Home
from pipelines.cli import main
from pipelines.cluster.budget import capped, ceiling
from pipelines.cluster.devices import counted
from pipelines.cluster.profile import ClusterProfile
from pipelines.cost.budget import Budget
from pipelines.cost.rates import rate_card
from tests.pipelines.cluster.kubeflow import Kubeflow
from tests.pipelines.cluster.making import make_cluster, write_cluster
from tests.pipelines.results import make_corpus


def _budget(home: Home, cluster: ClusterProfile, **limits: float) -> Budget:
    return Budget(devices=counted(cluster), card=rate_card(None, home), **limits)


def test_the_most_that_a_run_can_take_counts_shards_nodes_and_every_retry(tmp_path: Path) -> None:
    cluster = make_cluster(tmp_path, "cloud")
    generation, training = 8 * 5 * 48, 2 * 2 * 5 * 168
    assert ceiling(cluster) == 3 * 5 * 48 + generation + training
    laptop = make_cluster(tmp_path, "laptop")
    hours = {name: placement.timeout_s / 3600 for name, placement in laptop.stages.items()}
    tries = {name: 4 if name == "train_model" else 3 for name in hours}
    cores = {name: 1 if name == "ingest_audio" else 2 for name in hours}
    want = sum(hours[name] * tries[name] * cores[name] for name in hours)
    assert ceiling(laptop) == pytest.approx(want)


@pytest.mark.parametrize("limits", [{"money": 300.0}, {"device_hours": 100.0}, {"money": 1e9, "device_hours": 100.0}])
def test_under_shorter_time_outs_the_most_is_within_the_budget(
    tmp_path: Path, home: Home, limits: dict[str, float]
) -> None:
    cluster = make_cluster(tmp_path, "cloud")
    budget = _budget(home, cluster, **limits)
    short = capped(cluster, budget)
    most = ceiling(short)
    assert budget.left_by(most)
    assert most == pytest.approx(100.0, rel=0.01)
    assert short.stages["ingest_audio"] == cluster.stages["ingest_audio"]  # it holds no GPU


def test_a_budget_above_the_most_changes_nothing(tmp_path: Path, home: Home) -> None:
    cluster = make_cluster(tmp_path)
    assert capped(cluster, _budget(home, cluster, money=1e6)) is cluster


def _submit(kubeflow: Kubeflow, tmp_path: Path, *words: str) -> int:
    given = ("--cluster", str(write_cluster(tmp_path)), "--host", kubeflow.host, "--profile", "smoke")
    with pytest.raises(SystemExit) as end:
        main(["submit", *given, "--corpus", str(make_corpus(tmp_path / "recordings")), *words])
    return int(end.value.code or 0)


def test_a_submitted_run_has_the_time_outs_of_its_budget(kubeflow: Kubeflow, tmp_path: Path, home: Home) -> None:
    del home
    most = ceiling(make_cluster(tmp_path))
    assert _submit(kubeflow, tmp_path, "--max-device-hours", str(most / 2)) == 0
    (version,) = kubeflow.versions
    platform = version["documents"][1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert platform["exec-train-model"]["activeDeadlineSeconds"] == "43200"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--budget", "0.0001"), "budget 0.0001 USD: leaves evaluate_model 0 s"),
        (("--max-device-hours", "-1"), "--max-device-hours -1.0: want more than 0"),
    ],
)
def test_a_budget_that_no_task_can_start_with_submits_nothing(
    kubeflow: Kubeflow,
    tmp_path: Path,
    home: Home,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, str],
    told: str,
) -> None:
    del home
    assert _submit(kubeflow, tmp_path, *words) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not kubeflow.runs
