"""A part of a run's answers asked again: which result of which run, and by which model."""

from collections.abc import Sequence

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.runs import read_run, read_stage
from pipelines.stage_command import run_stage_command
from pipelines.status import run_dir_of


def replay(run_id: str | None, options: Sequence[str], home: Home) -> int:
    """Replay the answers of a run, of the newest one without an id, and return the exit code of the stage's command.

    Raises:
        ConfigurationError: there is no such run, or it has no answers yet.
    """
    run_dir = run_dir_of(home, run_id)
    record = read_stage(run_dir, "self_generate")
    if record is None or "samples" not in record.outputs:
        raise ConfigurationError(f"run {run_dir.name}: self_generate has not finished in it; `desta runs` lists others")
    samples, llm = record.outputs["samples"].path, read_run(run_dir).parameters["llm"]
    return run_stage_command("self_generate.replay", ["--samples", samples, "--llm", llm, *options])
