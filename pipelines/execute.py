"""The process that executes a compiled graph: `python -m pipelines.execute RUN_DIR`, started by the driver.

It is the first of the run's own session, so that the driver can end everything that it starts.
"""

import shutil
import sys
from pathlib import Path

from components.core.lifeline import follow_driver
from components.core.runs import read_run


def main() -> None:
    """Compile the graph into the run's folder and execute that file with the run's parameters.

    Raises:
        RuntimeError: a stage failed; its own error is in its record and in the log.
    """
    run_dir = Path(sys.argv[1])
    follow_driver()
    from pipelines.alignment import compile_alignment
    from pipelines.publish.published import starts_from_published

    compiled = run_dir / "pipeline.yaml"
    compile_alignment(compiled, from_published=starts_from_published(read_run(run_dir).parameters))
    execute_compiled(compiled, run_dir)


def execute_compiled(compiled: Path, run_dir: Path) -> None:
    """Execute a compiled graph with `kfp.local`, each task as a process in this environment."""
    from kfp import components, local

    # KFP writes sys.executable over "python3" in every argument, folder names with "python3" in them too.
    if shutil.which("python3"):
        sys.executable = "python3"
    local.init(
        local.SubprocessRunner(use_venv=False),
        pipeline_root=str(run_dir / "kfp"),
        workspace_root=str(run_dir / "workspace"),  # KFP removes this folder after the run, whatever is in it
        raise_on_error=True,
    )
    components.load_component_from_file(str(compiled))(**read_run(run_dir).parameters)


if __name__ == "__main__":
    main()
