"""Let a trained model answer a benchmark, and score what it says.

The folder --to has, below hears/, the answers (predictions.jsonl), the scores (result.json) and the benchmark's own
prediction file; below reads/ those of the backbone alone.
Answers are kept one by one: a run that was killed goes on where it was. Where the benchmark has words for its audio,
the model's backbone answers from these words too, and the output says what differs between hearing and reading.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from components.core.command import command_parser, run_command
from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.corpora.official import data_folder
from components.core.home import current_home
from components.core.progress import Progress
from components.core.publishing import alone, explaining_no_room
from components.evaluate_model.benchmarks.answering import answer_all
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry
from components.evaluate_model.benchmarks.catalogue import BENCHMARKS, benchmark_named
from components.evaluate_model.benchmarks.comparison import compare, relate
from components.evaluate_model.benchmarks.display import Beside, as_json, lines_of
from components.evaluate_model.benchmarks.intervals import RESAMPLES
from components.evaluate_model.benchmarks.judge_arguments import add_judge_arguments, judge_of
from components.evaluate_model.benchmarks.records import Prediction
from components.evaluate_model.benchmarks.scoring import Material, Result, read_items, score, write_result
from components.evaluate_model.benchmarks.verdicts import Judging

if TYPE_CHECKING:
    from components.evaluate_model.benchmarks.systems import ModelSystem

NAME = "evaluate_model.answer"
_EPILOG = """examples:
  desta evaluate mmau --data MMAU --to mmau-of-mine
  desta evaluate speech-ifeval --data Speech-IFEval/data/eval_data --to out --model desta-adapter@3 --items 100

benchmarks: {names}
exit codes: 0 answered and scored, 1 a file cannot be used, 2 usage, 130 interrupted"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of answering."""
    parser = command_parser(NAME, __doc__ or "", _EPILOG.format(names=", ".join(BENCHMARKS)))
    parser.add_argument("benchmark", metavar="BENCHMARK")
    parser.add_argument(
        "--data", required=True, metavar="DIR", help="folder with the official files, or hf://org/name@revision"
    )
    parser.add_argument(
        "--audio", type=Path, metavar="DIR", help="folder that audio is below (default: that of --data)"
    )
    parser.add_argument("--to", required=True, type=Path, metavar="DIR", help="new, or where this was begun before")
    parser.add_argument("--model", metavar="MODEL", help="folder, run or name@version (default: the newest)")
    parser.add_argument("--items", type=int, metavar="N", help="the first N items alone, for a try")
    parser.add_argument("--tokens", type=int, default=512, metavar="N", help="longest answer (default: 512)")
    parser.add_argument("--batch", type=int, default=8, metavar="N", help="items answered together (default: 8)")
    parser.add_argument("--post", metavar="NAME", help="how responses are cleaned before they are scored")
    parser.add_argument("--seed", type=int, default=42, metavar="N", help="of the intervals and guesses (default: 42)")
    add_judge_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Answer from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    for name in ("items", "tokens", "batch"):
        if (value := getattr(args, name)) is not None and value < 1:
            raise ConfigurationError(f"--{name} {value}: want 1 at least")
    benchmark = benchmark_named(args.benchmark)
    post = benchmark.post_named(args.post)
    judge = judge_of(args, benchmark, current_home())
    data = data_folder(args.data, current_home())
    entries = dict(list(read_items(benchmark, data).items())[: args.items])
    audio = args.audio or data
    _check_audio(entries, audio)
    results = {}
    for system in _systems(args, entries, audio):
        folder = args.to / system.name
        material = Material(entries, _answers(benchmark, entries, system, folder))
        result = score(benchmark, material, judge, post=post, seed=args.seed, resamples=RESAMPLES)
        write_result(folder, benchmark, material, result)
        results[system.name] = result
    beside = _beside(benchmark, results, judge.judging if judge else None)
    print(as_json(results["hears"], beside) if args.json else "\n".join(lines_of(results["hears"], beside)))


def _beside(benchmark: Benchmark, results: Mapping[str, Result], judging: Judging | None) -> Beside:
    """Say how hearing differs from reading, and how it relates to it where the benchmark has a rule for that."""
    if "reads" not in results:
        return Beside(judging=judging)
    heard, read = results["hears"], results["reads"]
    related = relate(benchmark, heard, read) if benchmark.relative else ()
    return Beside(differences=compare(benchmark, heard, read), related=related, judging=judging)


def _check_audio(entries: Mapping[str, Entry], folder: Path) -> None:
    """Make sure that every recording is there before the first is heard."""
    for item_id, entry in entries.items():
        if not entry.item.audio:
            raise SourceError(f"{entry.row.where}: item {item_id} names no audio; name the official files with --data")
        if missing := next((file for file in entry.item.audio if not (folder / file).is_file()), None):
            raise SourceError(f"{folder / missing}: no such file, which item {item_id} is about; see --audio")


def _systems(args: argparse.Namespace, entries: Mapping[str, Entry], audio: Path) -> Iterator["ModelSystem"]:
    from components.core.inference.desta_model import DestaModel
    from components.evaluate_model.benchmarks.systems import hearing, reading

    model = DestaModel.from_pretrained(args.model)
    yield hearing(model, audio, max_tokens=args.tokens, batch=args.batch)
    if all(entry.item.reading for entry in entries.values()):
        yield reading(model, max_tokens=args.tokens, batch=args.batch)


def _answers(
    benchmark: Benchmark, entries: Mapping[str, Entry], system: "ModelSystem", folder: Path
) -> Mapping[str, Prediction]:
    """Bring the answers of a system to their end; one process at a time."""
    items = [entry.item for entry in entries.values()]
    with alone(folder.with_name(f".{folder.name}.lock")), explaining_no_room(NAME, folder):
        return answer_all(folder, system, items, Progress(), f"{system.name} {benchmark.name}")


if __name__ == "__main__":
    main()
