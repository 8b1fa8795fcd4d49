"""The flags that name a judge, the same for every command that scores."""

import argparse
import re

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.models.store import open_model
from components.evaluate_model.benchmarks.benchmark import Benchmark, no_question
from components.evaluate_model.benchmarks.judging import Judge
from components.evaluate_model.benchmarks.verdicts import Budget, Remembered

_ADDRESS = re.compile(r"https?:", re.IGNORECASE)


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the flags for a judge."""
    group = parser.add_argument_group("judge", "for benchmarks in which a model says whether a response is right")
    group.add_argument(
        "--judge",
        metavar="ADDRESS|REF",
        help="a server with OpenAI's interface, http or https first, whose key is in DESTA_JUDGE_KEY; or a model that "
        "the store has: hf://org/name@rev, pypi://name@version or a folder",
    )
    group.add_argument("--judge-model", metavar="NAME", help="the server's name for the model")
    group.add_argument(
        "--budget",
        type=int,
        metavar="N",
        help="ask for N answers at most (default: any number); what was answered before is free",
    )


def judge_of(args: argparse.Namespace, benchmark: Benchmark, home: Home) -> Remembered | None:
    """Return the judge that a command line names, which asks nothing that it was asked before; `None` without one.

    Raises:
        ConfigurationError: the benchmark needs no judge, a flag lacks another or has no effect, or a value is wrong.
    """
    if args.judge is None:
        for name, value in (("--judge-model", args.judge_model), ("--budget", args.budget)):
            if value is not None:
                raise ConfigurationError(
                    f"{name} {value}: has no effect without --judge; name a judge, or leave it out"
                )
        return None
    if benchmark.question_of is no_question:
        raise ConfigurationError(f"--judge {args.judge}: {benchmark.name} is marked by rules alone; leave it out")
    if args.budget is not None and args.budget < 0:
        raise ConfigurationError(f"--budget {args.budget}: want 0 answers at least")
    return Remembered(_judge(args.judge, args.judge_model, home), home.judgements, Budget(args.budget))


def _judge(judge: str, model: str | None, home: Home) -> Judge:
    if _ADDRESS.match(judge):
        from components.evaluate_model.benchmarks.server_judge import CALLER, ServerJudge

        address = CALLER.address(judge)
        if not model:
            raise ConfigurationError(
                f"--judge {address}: which of the server's models is it? name it with --judge-model"
            )
        return ServerJudge(address=address, model=model)
    if model is not None:
        raise ConfigurationError(f"--judge-model {model}: has no effect, since --judge {judge} is the model itself")
    from components.evaluate_model.benchmarks.local_judge import LocalJudge

    return LocalJudge(open_model(judge, home.models))
