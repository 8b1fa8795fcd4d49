"""A candidate for the backbone asked about the held-out clips of a run."""

from collections.abc import Sequence

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.models.store import resolve_model
from components.core.runs import read_stage
from pipelines.stage_command import run_stage_command
from pipelines.status import run_dir_of

_MAKERS = {"clips": "ingest_audio", "descriptions": "extract_metadata"}


def probe(llm: str, run_id: str | None, options: Sequence[str], home: Home) -> int:
    """Probe a model with what a run knows of its clips, the newest without an id; return the stage command's exit code.

    Raises:
        ConfigurationError: there is no such run, it has no descriptions yet, or the reference is malformed.
        SourceError: the model could not be fetched.
    """
    run_dir = run_dir_of(home, run_id)
    made = {word: read_stage(run_dir, maker) for word, maker in _MAKERS.items()}
    for word, record in made.items():
        if record is None or word not in record.outputs:
            raise ConfigurationError(f"run {run_dir.name}: {_MAKERS[word]} has not finished in it; see `desta runs`")
    resolve_model(llm, home.models)
    inputs = [f"--{word}={record.outputs[word].path}" for word, record in made.items() if record]
    return run_stage_command("evaluate_model.probe", [f"--llm={llm}", *inputs, *options])
