"""The command that takes a speaker, a clip or a file out of everything."""

from typing import Any

from pipelines.command_parser import add, add_json
from pipelines.erasure import calls


def add_erase(commands: Any) -> None:
    """Add it."""
    erase = add(
        commands,
        "erase",
        calls.erase,
        "take a speaker, a clip or a file out of data, results, caches and DVC, and certify it",
        "desta erase --speaker anna --reason 'withdrew consent' --dry-run",
        "desta erase --source voices/audio/7.flac --reason 'licence ended' --yes",
        "desta erase --resume",
    )
    erase.add_argument("--speaker", metavar="NAME", help="everything that this speaker said, whole clips")
    erase.add_argument("--clip", metavar="ID", help="a clip, and the recording that it is a piece of")
    erase.add_argument("--source", metavar="CORPUS/PATH", help="a file of a corpus")
    erase.add_argument("--reason", metavar="TEXT", help="why, for the certificate; do not name anybody in it")
    erase.add_argument("--dry-run", action="store_true", help="only show the plan")
    erase.add_argument("--yes", action="store_true", help="do not ask whether the plan is meant")
    erase.add_argument("--resume", action="store_true", help="finish an erasure that was interrupted")
    add_json(erase)
