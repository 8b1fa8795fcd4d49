"""What the commands about integrity call and print."""

import argparse
import json
from collections.abc import Iterable
from typing import Any

from components.core.contracts.errors import ConfigurationError, ExitCode
from components.core.home import current_home


def verify(args: argparse.Namespace) -> int:
    """Compute the digests of a run, or of its bundle, again, and print each that holds; or look for what was erased."""
    if args.bundle is not None:
        return _verify_bundle(args)
    if args.key:
        raise ConfigurationError("--key: only a bundle is signed; say which with --bundle")
    if args.erased:
        from pipelines.erasure.calls import verify_erased

        return verify_erased(args)
    from pipelines.bundle.sealing import FOLDER
    from pipelines.verify import run_dir_named, verify

    home = current_home()
    run_dir = run_dir_named(home, args.run)
    verified = _told(verify(run_dir, home), args)
    signed = "; its bundle is verified by --bundle" if (run_dir / FOLDER).is_dir() else ""
    said = f"run {run_dir.name} is what it recorded{signed}"
    _print({"run_id": run_dir.name, "verified": verified} if args.json else said)
    return ExitCode.DONE


def log(args: argparse.Namespace) -> int:
    """Print the journal."""
    from pipelines.journal import read_journal

    if args.last is not None and args.last < 1:
        raise ConfigurationError(f"--last {args.last}: want a number of entries, 1 or more")
    entries = [entry for entry in read_journal(current_home()) if args.event in (None, entry.event)]
    shown = entries[-args.last :] if args.last else entries
    if args.json:
        _print([entry.model_dump(mode="json") for entry in shown])
    else:
        print(*(f"{entry}\n" for entry in shown), sep="", end="")
    return ExitCode.DONE


def _verify_bundle(args: argparse.Namespace) -> int:
    from pipelines.bundle.verification import bundle_named, verify_bundle

    home = current_home()
    folder = bundle_named(home, args.bundle or None)
    verified = _told(verify_bundle(folder, args.key, home), args)
    _print({"bundle": str(folder), "verified": verified} if args.json else f"{folder} is what was signed")
    return ExitCode.DONE


def _told(verified: Iterable[Any], args: argparse.Namespace) -> list[Any]:
    """Print each thing when it was verified, where people read, and return all of them."""
    told = []
    for each in verified:
        told.append(each.model_dump(mode="json"))
        if not args.json:
            print(f"{each.name:<13} {each.digest}  {each.what}", flush=True)
    return told


def _print(result: Any) -> None:
    print(result if isinstance(result, str) else json.dumps(result, indent=2, ensure_ascii=False))
