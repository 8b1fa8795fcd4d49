"""Commands about lineage: what something was made from, and what something is in."""

from typing import Any

from pipelines.command_parser import add, add_json
from pipelines.lineage import calls

_CHOICES = {
    "speaker": ("ID", "a speaker of clips, or of segments of them"),
    "clip": ("ID", "a clip, by its id or the first 8 characters or more of it"),
    "source": ("CORPUS[/PATH]", "a corpus, a file in it, or the sha256 of a file"),
    "licence": ("NAME", "clips under a licence, as their corpus writes it"),
    "prompt": ("ID", "samples that ask with a prompt"),
    "llm": ("MODEL", "samples that a model wrote: its reference or digest, or the digest of its weights"),
}


def add_lineage_commands(commands: Any) -> None:
    """Add them."""
    why = add(
        commands,
        "why",
        calls.why,
        "trace a sample, an answer, a model, a dataset, a clip or a file back to its audio and on to evaluations",
        "desta why 9661931a",
        "desta why desta-adapter@3 --json",
        "desta why 20261122-184937-df17",
    )
    why.add_argument(
        "id",
        metavar="ID",
        help="of a sample, clip, result or key, the sha256 of an audio file (8 characters or more of these), a run, "
        "desta-adapter@N, an answer, or the name of a published dataset",
    )
    add_json(why)
    impact = add(
        commands,
        "impact",
        calls.impact,
        "count every dataset, cache, model, evaluation and published version that something is in",
        "desta impact --speaker asterisk-en-es",
        "desta impact --source tuxpaint-stamps --json",
        "desta impact --licence CC-BY-SA-3.0",
    )
    for name, (metavar, text) in _CHOICES.items():
        impact.add_argument(f"--{name}", metavar=metavar, help=text)
    add_json(impact)
