"""The cluster's own graph, executed over the real smoke run's results: each task is a process with a pod's variables.

Kubeflow's local runner takes the place of the cluster. It knows nothing of Kubernetes, so the label that tells a pod
its run is set here, and the placeholder of the run's id is given the same.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from components.core.home import Home
from components.core.runs import read_run
from components.core.stages import STAGES
from pipelines.cluster.graph import compile_on
from pipelines.cluster.submitting import parameters_on, placed_on
from pipelines.profiles import smoke
from tests.conftest import REPOSITORY
from tests.desta_command import Desta
from tests.pipelines.cluster.making import make_cluster

pytestmark = pytest.mark.timeout(1800)

RUN = "0f1c52d6"
SHARDS = 2
_EXECUTE = """
import json, sys
from pathlib import Path
from kfp import components, local
from kfp.local import placeholder_utils
if __name__ == "__main__":
    compiled, folder, run_id, parameters = sys.argv[1:]
    placeholder_utils.make_random_id = lambda: run_id
    sys.executable = "python3"
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=folder, raise_on_error=True)
    components.load_component_from_file(compiled)(**json.loads(parameters))
"""


@pytest.fixture
def cluster(undisturbed: tuple[Desta, Any], tmp_path: Path) -> Desta:
    """A home with nothing but the results of the smoke run and what its engines had answered."""
    home = Home(tmp_path / "home")
    for name in ("store", "generations", "features"):
        if (source := undisturbed[0].home.root / name).is_dir():
            shutil.copytree(source, home.root / name)
    return Desta(home, undisturbed[0].models)


def execute(command: Desta, folder: Path) -> None:
    """Compile the graph for a cluster whose pods see the corpora where they are here, and execute it."""
    corpora = REPOSITORY / "data" / "corpora"
    profile = make_cluster(folder, corpora=str(corpora), shards=SHARDS)
    compile_on(profile, folder / "alignment.yaml")
    parameters = parameters_on(placed_on(smoke(), profile), profile, "latest")
    pod = {name: os.environ[name] for name in ("HOME", "LANG", "OMP_NUM_THREADS") if name in os.environ}
    pod |= {"DESTA_HOME": str(command.home.root), "DESTA_MODELS": str(command.models), "DESTA_RUN_ID": RUN}
    pod |= {"PYTHONPATH": str(REPOSITORY), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    words = [str(folder / "alignment.yaml"), str(folder / "kfp"), RUN, json.dumps(parameters)]
    done = subprocess.run(
        [sys.executable, "-c", _EXECUTE, *words], cwd=folder, env=pod, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert 'desta: run ended: {"state":"succeeded"' in done.stdout + done.stderr


def test_a_run_of_pods_leaves_what_the_run_on_one_machine_left(
    undisturbed: tuple[Desta, Any], cluster: Desta, tmp_path: Path
) -> None:
    _, here = undisturbed
    execute(cluster, tmp_path)

    there = cluster.json("status", RUN)
    assert (there["state"], there["profile"], there["gate"]) == ("succeeded", "smoke", here["gate"])
    assert there["metrics"] == here["metrics"]
    assert there["model"] == here["model"]
    for stage in STAGES:
        digests = {kind: output["digest"] for kind, output in there["stages"][stage.name]["outputs"].items()}
        assert digests == {kind: o["digest"] for kind, o in here["stages"][stage.name]["outputs"].items()}
    record = read_run(cluster.home.runs / RUN)
    assert record.cluster == "laptop"
    assert record.parameters["train_model_settings"] == smoke().train_model.model_dump(mode="json")
    assert record.data_revision.rpartition(" ")[2] == here["data_revision"].rpartition(" ")[2]

    verified = [each["name"] for each in cluster.json("verify", "--bundle", RUN)["verified"]]
    assert verified == ["signature", "manifests", "journal", "run"]
    assert cluster.json("champion")["version"] == "1"
    told = [entry["event"] for entry in cluster.json("log")]
    assert told == ["run_started", "champion_changed", "run_ended"]
    sample = cluster.samples(there)[0]
    trace = cluster.json("why", sample.sample_id)
    # Which run made a result is that of the other home: here all were found.
    assert {"model", "version", "evaluation"} <= {step["kind"] for step in trace["steps"]}
    assert cluster.json("impact", "--clip", sample.clip_id)["clips"] == 1
    client = MlflowClient(cluster.home.tracking_uri)
    parent = client.get_run(there["mlflow_run_id"])
    nested = client.search_runs([parent.info.experiment_id], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert parent.info.status == "FINISHED"
    assert {run.info.run_name: run.info.status for run in nested} == dict.fromkeys(
        (stage.name for stage in STAGES), "FINISHED"
    )
