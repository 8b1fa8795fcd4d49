"""Execute a cluster's graph: `python -m tests.containers.execute GRAPH ROOT PARAMETERS [MOUNTS]`, the last two as JSON.

With MOUNTS each task is in its own container, shut as a cluster shuts it: no network, a root that nobody can write to,
a user without rights, limits. They map a place inside to one here and whether it is for reading alone. Without them
each task is a process beside this one. Kubeflow's runner knows nothing of the label that tells a pod its run.
"""

import json
import os
import sys

from docker.types import Mount
from kfp import components, local
from kfp.local import placeholder_utils

RUN = "c0ffee17"
_LIMITS = {"mem_limit": "10g", "pids_limit": 1000, "shm_size": "1g"}
_SHUT = {
    "network_mode": "none",
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "tmpfs": {"/tmp": "rw,mode=1777,size=2g"},
}
_NO_ENTRYPOINT = [""]  # Kubeflow puts its executor in place of the image's own; the runner would add it to that


def main() -> None:
    """Execute the graph that the command line names.

    Raises:
        RuntimeError: a task failed.
    """
    graph, root, parameters, *mounts = sys.argv[1:]
    os.environ["DESTA_RUN_ID"] = RUN
    placeholder_utils.make_random_id = lambda: RUN
    os.umask(0)  # the folders that Kubeflow makes for a task are written to by the container's user
    runner = _in_containers(json.loads(mounts[0])) if mounts else local.SubprocessRunner(use_venv=False)
    local.init(runner, pipeline_root=root, raise_on_error=True)
    components.load_component_from_file(graph)(**json.loads(parameters))


def _in_containers(mounts: dict[str, tuple[str, bool]]) -> local.DockerRunner:
    places = [Mount(inside, here, type="bind", read_only=read_only) for inside, (here, read_only) in mounts.items()]
    pod = {"DESTA_RUN_ID": RUN}
    return local.DockerRunner(mounts=places, entrypoint=_NO_ENTRYPOINT, environment=pod, **_LIMITS, **_SHUT)


if __name__ == "__main__":
    main()
