"""Decode the audio of corpora into clips: mono, 16 kHz, named by their samples; refuse the rest by name."""

import argparse
from collections.abc import Sequence

from components.core.command import run_command, stage_parser
from components.core.execution import Job, Outcome, Workplace, execute
from components.core.home import current_home
from components.core.settings import checked, given
from components.core.stages import stage_named
from components.ingest_audio.settings import IngestAudioSettings

NAME = "ingest_audio"
EXAMPLE = "python -m components.ingest_audio --corpus data/corpora/asterisk-en --corpus my/corpus --clips out/clips"


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    return stage_parser(NAME, IngestAudioSettings, __doc__ or "", EXAMPLE)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the stage from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    from components.core.corpora.reading import read_corpora
    from components.core.file_digests import FileDigests
    from components.core.tombstones import read_tombstones

    args, home, stage = parser().parse_args(argv), current_home(), stage_named(NAME)
    settings = checked(NAME, IngestAudioSettings, given(args, IngestAudioSettings))
    corpora, digests = read_corpora(args.corpus), FileDigests(home.file_digests)
    erased = read_tombstones(home)
    sources = {**{c.policy.name: c.digest(digests) for c in corpora}, **erased.as_sources()}
    job = Job(stage=stage, settings=settings, sources=sources)

    def work(place: Workplace) -> Outcome:
        from components.ingest_audio.earlier import shards_of_earlier
        from components.ingest_audio.stage import ingest

        return ingest(corpora, settings, place, digest=digests, earlier=shards_of_earlier(job, home), erased=erased)

    execute(job, args.clips, home, work)


if __name__ == "__main__":
    main()
