"""Commands about what can be proved: that results are what was recorded, and what the journal tells."""

from pathlib import Path
from typing import Any

from pipelines import integrity_calls as calls
from pipelines.command_parser import Parser, add, add_json


def add_integrity_commands(commands: Any) -> None:
    """Add them."""
    _add_verify(commands)
    _add_log(commands)


def _add_verify(commands: Any) -> None:
    verify = add(
        commands,
        "verify",
        calls.verify,
        "compute every digest of a run again, from its clips to its evaluation, and say the first thing that differs",
        "desta verify",
        "desta verify desta-adapter@3 --json",
        "desta verify --bundle",
        "desta verify --bundle /mnt/handed-over/bundle --key team.pub.pem",
        "desta verify --erased .desta/erasures/20261128-101500-1a2b/certificate.json",
    )
    subject = verify.add_mutually_exclusive_group()
    subject.add_argument("run", nargs="?", metavar="RUN|MODEL", help="a run's id or name@version (default: the newest)")
    subject.add_argument(
        "--bundle",
        nargs="?",
        const="",
        metavar="RUN|FOLDER",
        help="verify the signed bundle of a run (default: the newest) or in a folder, not the results themselves",
    )
    subject.add_argument(
        "--erased",
        type=Path,
        metavar="CERT",
        help="look everywhere for what the certificate of an erasure says was taken away",
    )
    verify.add_argument("--key", type=Path, metavar="FILE", help="the signer's public key (default: this home's)")
    add_json(verify)


def _add_log(commands: Any) -> None:
    log = add(
        commands,
        "log",
        calls.log,
        "show the journal: runs, changes of the champion, publications, exports, erasures; the newest comes last",
        "desta log",
        "desta log --event champion_changed --json",
        "desta log --last 20",
    )
    log.set_late(lambda: _add_kinds(log))
    log.add_argument("--last", type=int, metavar="N", help="only the newest N")
    add_json(log)


def _add_kinds(log: Parser) -> None:
    from pipelines.journal import Event

    kinds = [event.value for event in Event]
    log.add_argument("--event", choices=kinds, metavar="KIND", help=f"only {', '.join(kinds)}")
