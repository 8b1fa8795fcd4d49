"""What the commands about erasure call and print."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from components.core.contracts.errors import ConfigurationError, ExitCode
from components.core.home import current_home

if TYPE_CHECKING:
    from pipelines.erasure.subject import Subject


def erase(args: argparse.Namespace) -> int:
    """Show the plan of an erasure, carry it out, and print its certificate."""
    from pipelines.erasure.transaction import begin, carry_out, erasing, plan, to_resume
    from pipelines.sample_data import ROOT

    home = current_home()
    subject, reason = _resumed(args) if args.resume else _asked(args)
    with erasing(home, ROOT):
        if subject is None:
            folder = to_resume(home)
        else:
            planned = plan(subject, reason, home, ROOT)
            if args.dry_run:
                print(planned.model_dump_json(indent=2) if args.json else planned)
                return ExitCode.DONE
            print(planned, file=sys.stderr if args.json else sys.stdout)
            _require_consent(args.yes)
            folder = begin(planned, home)
        certificate = carry_out(folder, home, ROOT, lambda step: print(f"erasure: {step}", file=sys.stderr))
    print(certificate.model_dump_json(indent=2) if args.json else f"{certificate}\n\n{folder.certificate}")
    return ExitCode.DONE


def verify_erased(args: argparse.Namespace) -> int:
    """Look for what a certificate says was erased, and print the first place where something of it is."""
    from pipelines.erasure.absence import Scan
    from pipelines.erasure.certificate import read_certificate
    from pipelines.sample_data import ROOT

    certificate = read_certificate(args.erased)
    scan = Scan(certificate.removed, current_home(), ROOT)
    left = next(scan.left(), None)
    if args.json:
        found = {"where": left.where, "holds": left.holds} if left else None
        told = {"erasure": certificate.erasure, "scanned": scan.scanned.model_dump(), "left": found}
        print(json.dumps(told, indent=2, ensure_ascii=False))
    if left:
        print(f"error: {left.where}: holds {left.holds}, which {certificate.erasure} erased", file=sys.stderr)
        return ExitCode.FAILED
    if not args.json:
        print(f"erasure {certificate.erasure}: nothing is left in {scan.scanned}")
    return ExitCode.DONE


def _resumed(args: argparse.Namespace) -> tuple[None, str]:
    given = {"speaker": args.speaker, "clip": args.clip, "source": args.source, "reason": args.reason}
    if named := next((name for name, value in given.items() if value is not None), None):
        raise ConfigurationError(f"--resume goes on with what was begun; leave --{named} out")
    return None, ""


def _asked(args: argparse.Namespace) -> tuple[Subject, str]:
    from components.core.registry import checked_reason
    from pipelines.erasure.subject import subject_of

    subject = subject_of(args.speaker, args.clip, args.source)
    if args.reason is None:
        raise ConfigurationError("--reason: is missing; say in a line why it is erased")
    return subject, checked_reason(args.reason)


def _require_consent(given: bool) -> None:
    if given:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("desta erase: nobody can be asked here; --yes says that the plan is meant")
    if input("erase all of this for good? type yes: ").strip() != "yes":
        raise ConfigurationError("desta erase: was not confirmed; nothing was touched")
