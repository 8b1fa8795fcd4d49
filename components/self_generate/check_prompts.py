"""Check prompt pools: what keeps them from being loaded, near-duplicates, leaks, length and balance.

Without a path the shipped pools are checked. A folder has one pool for each domain.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from components.core.command import command_parser, run_command
from components.core.contracts.errors import ConfigurationError, ExitCode
from components.self_generate.prompt_checks import PoolCheck, check_pool, pool_paths
from components.self_generate.prompt_pool import POOLS_FOLDER, PromptCategory

_ROW = "{:<8} {:>7} {:>8}" + " {:>12}" * len(PromptCategory) + "  {}"


def parser() -> argparse.ArgumentParser:
    """Return the command line of the check."""
    codes = "exit codes: 0 all is well, 1 a pool has faults (one line each), 2 there is no such file or folder"
    parser = command_parser("self_generate.check_prompts", __doc__ or "", codes)
    parser.add_argument("path", nargs="?", type=Path, default=POOLS_FOLDER, metavar="FILE_OR_FOLDER")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Check from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    checks = [check_pool(path) for path in _paths(args.path)]
    faults = [fault for check in checks for fault in check.faults]
    if args.json:
        print(json.dumps(_report(checks), indent=2, ensure_ascii=False))
    else:
        print("\n".join(map(str, faults) if faults else _table(checks)))
    if faults:
        raise SystemExit(int(ExitCode.FAILED))


def _paths(path: Path) -> tuple[Path, ...]:
    if not path.exists():
        raise ConfigurationError(
            f"{path}: no such file or folder: name a pool, such as speech.yaml, or a folder of pools"
        )
    return pool_paths(path) if path.is_dir() else (path,)


def _table(checks: Sequence[PoolCheck]) -> Iterator[str]:
    yield _ROW.format("pool", "version", "prompts", *PromptCategory, "words: least, quartiles, most")
    for check in checks:
        if check.pool:
            words = " ".join(f"{count:>2}" for count in check.words)
            counts = check.categories.values()
            yield _ROW.format(check.pool.domain, check.pool.version, len(check.entries), *counts, words)


def _report(checks: Sequence[PoolCheck]) -> dict[str, Any]:
    pools = [
        {
            "file": str(check.file),
            "domain": check.pool.domain,
            "version": check.pool.version,
            "prompts": len(check.entries),
            "categories": check.categories,
            "words": check.words,
        }
        for check in checks
        if check.pool
    ]
    faults = [
        {"file": str(fault.file), "prompt_id": fault.prompt_id, "fault": fault.fault}
        for check in checks
        for fault in check.faults
    ]
    return {"pools": pools, "faults": faults}


if __name__ == "__main__":
    main()
