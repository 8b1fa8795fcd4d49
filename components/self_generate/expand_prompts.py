"""Grow a pool of prompts with the backbone itself: it writes, and the rules of `desta prompts check` decide.

Goes on where an earlier expansion into the same folder stopped. Each new prompt keeps its parent and its author.
"""

import argparse
import math
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from components.core.command import command_parser, run_command
from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import Decoding, Domain
from components.core.digests import digest_of
from components.core.home import current_home
from components.core.models.store import LLM, open_model
from components.core.progress import Progress
from components.self_generate.generation import Generator
from components.self_generate.prompt_checks import check_pool
from components.self_generate.prompt_expansion import Account, Expansion, expand
from components.self_generate.prompt_pool import POOLS_FOLDER, PoolFile

MAX_TOKENS = 48
WINDOW_TOKENS = 1024


def parser() -> argparse.ArgumentParser:
    """Return the command line of the expansion."""
    codes = "exit codes: 0 the pool has the size, 1 nothing new comes any more, 2 it cannot be asked for like this"
    parser = command_parser("self_generate.expand_prompts", __doc__ or "", codes)
    parser.add_argument("--domain", required=True, choices=[domain.value for domain in Domain])
    parser.add_argument("--to", required=True, type=int, metavar="N", help="prompts that the pool is to have")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="where the pool and its account are kept"
    )
    parser.add_argument("--llm", default=LLM, metavar="REF", help="the model that writes (default: %(default)s)")
    parser.add_argument("--pools", type=Path, default=POOLS_FOLDER, metavar="DIR", help="default: the pools that ship")
    parser.add_argument("--seed", type=int, default=42, metavar="N", help="default: %(default)s")
    parser.add_argument("--temperature", type=float, default=0.7, metavar="T", help="default: %(default)s")
    parser.add_argument("--batch", type=int, default=64, metavar="N", help="asked together (default: %(default)s)")
    parser.add_argument(
        "--patience",
        type=int,
        default=1024,
        metavar="N",
        help="refused in a row before it stops (default: %(default)s)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Expand from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args, home = parser().parse_args(argv), current_home()
    source = _checked(args)
    llm = open_model(args.llm, home.models)

    from components.self_generate.vllm_generator import VllmGenerator, vllm_identity

    identity = vllm_identity(llm)
    decoding = Decoding(temperature=args.temperature, top_p=1.0, max_tokens=MAX_TOKENS, seed=args.seed)
    generator = VllmGenerator(
        model=llm, dtype=identity.dtype, decoding=decoding, at_once=args.batch, window_tokens=WINDOW_TOKENS
    )
    expansion = Expansion(
        source=source,
        to=args.to,
        author=digest_of(identity.model_dump()),
        decoding=decoding,
        batch=args.batch,
        patience=args.patience,
    )
    _report(args, expansion, _run(expansion, generator, args.out))


def _run(expansion: Expansion, generator: Generator, folder: Path) -> Account:
    """Expand to the end, show how it goes, and return the last account."""
    had = len(expansion.source.prompts)
    accounts = expand(expansion, generator, folder)
    account = next(accounts)
    known = [account.kept]

    def gained(now: Account) -> int:
        known.append(now.kept)
        return known[-1] - known[-2]

    label, first = f"expand {expansion.source.domain}", had + account.kept
    batches = Progress().track(accounts, label=label, unit="prompts", total=expansion.to, first=first, size=gained)
    return deque([account, *batches], maxlen=1).pop()


def _checked(args: argparse.Namespace) -> PoolFile:
    """Return the pool that is to grow, once it is clear that it can be asked for like this."""
    for name, least in (("to", 1), ("seed", 0), ("temperature", 0), ("batch", 1), ("patience", 1)):
        if not least <= (value := getattr(args, name)) < math.inf:
            raise ConfigurationError(f"--{name} {value:g}: want at least {least}, and finite")
    check = check_pool(args.pools / f"{args.domain}.yaml")
    if check.pool is None or check.faults:
        raise check.faults[0]
    if args.to <= len(check.entries):
        raise ConfigurationError(f"--to {args.to}: the pool has {len(check.entries)} prompts; ask for more")
    return check.pool


def _report(args: argparse.Namespace, expansion: Expansion, account: Account) -> None:
    pool = args.out / f"{args.domain}.yaml"
    check = check_pool(pool)
    if check.faults:
        raise check.faults[0]
    print(f"{pool}: {len(check.entries)} prompts; {account}")
    if len(check.entries) < expansion.to:
        raise SourceError(
            f"{args.domain}: {expansion.patience} candidates in a row were refused, nothing new comes any more; raise "
            "--temperature, name another --llm, or write more prompts by hand"
        )


if __name__ == "__main__":
    main()
