"""Build the sample corpora from Debian packages: `python -m infra.corpora.build --help`."""

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import yaml

from components.core.contracts.errors import DestaError, SourceError
from components.core.contracts.records import Split
from components.core.publishing import published, write_file
from infra.corpora.audio import COMPRESSED, fault_of, listen, store
from infra.corpora.clips import StoredClip, check_apart, summarise, write_table
from infra.corpora.notice import notice_of
from infra.corpora.packages import check_versions, fetch
from infra.corpora.plan import CorpusPlan, Pick, load_plan
from infra.corpora.texts import TextOf, open_texts

PLAN = Path(__file__).parent


def parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.corpora.build",
        description="Build the sample corpora under OUT: the same packages give the same bytes.",
        epilog="example:\n  python -m infra.corpora.build --fetch --root /tmp/packages && dvc add data && dvc push",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--root", required=True, type=Path, metavar="DIR", help="where the packages are unpacked")
    parser.add_argument("--fetch", action="store_true", help="first download the packages and unpack them into DIR")
    parser.add_argument("--out", default=Path("data"), type=Path, metavar="OUT", help="default: data")
    parser.add_argument("--plan", default=PLAN, type=Path, metavar="PLAN", help="corpora.yaml, selection/, licences/")
    return parser


def build(plan: Sequence[CorpusPlan], root: Path, out: Path) -> list[StoredClip]:
    """Write every corpus of the plan under `out/corpora`, and `out/NOTICE`.

    Raises:
        SourceError: a package, a file or a text is missing or unfit, or two splits share something. `out` is as before.
    """
    check_versions({name: version for corpus in plan for name, version in corpus.packages.items()}, root)
    clips: list[StoredClip] = []
    # The draft may only take the place of a folder that is gone; the corpora are rebuilt from the packages anyway.
    with published(out / "corpora") as draft:
        for corpus in plan:
            built = _build_corpus(corpus, root, draft / corpus.name)
            clips += built
            print(f"{corpus.name}: {len(built)} clips", flush=True)
        check_apart(clips)
        notice = notice_of(plan, clips, root)
        shutil.rmtree(out / "corpora", ignore_errors=True)
    write_file(out / "NOTICE", notice)
    return clips


def _build_corpus(corpus: CorpusPlan, root: Path, folder: Path) -> list[StoredClip]:
    (folder / "audio").mkdir(parents=True)
    text_of = open_texts(corpus.texts, root, corpus.folder) if corpus.texts else None
    clips = [_build_clip(corpus, pick, text_of, root, folder) for pick in corpus.picks]
    clips.sort(key=lambda clip: clip.path)
    write_table(folder / "metadata.csv", corpus.columns, clips)
    fields = {"name", "licence", "attribution", "domain", "language", "attributes"}
    facts = {key: value for key, value in corpus.model_dump(mode="json", include=fields).items() if value != ""}
    header = yaml.safe_dump(facts, allow_unicode=True, sort_keys=False, width=120)
    (folder / "corpus.yaml").write_text(header, encoding="utf-8")
    return clips


def _build_clip(corpus: CorpusPlan, pick: Pick, text_of: TextOf | None, root: Path, folder: Path) -> StoredClip:
    source = root / corpus.folder / pick.source
    target = folder / "audio" / _file_name(pick)
    if target.exists():
        raise SourceError(f"{corpus.name}: {pick.source}: {target.name} is there already: leave one out")
    store(source, target, pick.start_s, pick.duration_s)
    heard = listen(target)
    if fault := fault_of(heard):
        raise SourceError(f"{source}: {fault}: take another clip")
    cells = _cells(corpus, pick, text_of)
    return StoredClip(corpus=corpus.name, path=f"audio/{target.name}", cells=cells, heard=heard)


def _cells(corpus: CorpusPlan, pick: Pick, text_of: TextOf | None) -> dict[str, str]:
    """Put together what is known of a clip; what its row says wins over what holds for every clip of the corpus."""
    recording = str(PurePosixPath(pick.source).with_suffix(""))
    defaults = {"domain": corpus.domain, "language": corpus.language, "licence": corpus.licence}
    known = {"source_id": f"{corpus.name}/{recording}", **defaults, **corpus.every_clip}
    cells = {**dict.fromkeys(corpus.columns, ""), **known, **{key: cell for key, cell in pick.cells.items() if cell}}
    if corpus.texts and text_of and not cells[corpus.texts.column]:
        cells[corpus.texts.column] = text_of(pick.source)
    if cells["split"] not in set(Split):
        raise SourceError(f"{corpus.name}: {pick.source}: split {cells['split']!r}: want one of {', '.join(Split)}")
    return cells


def _file_name(pick: Pick) -> str:
    path = PurePosixPath(pick.source)
    stem = re.sub(r"[^a-z0-9]+", "-", str(path.with_suffix("")).lower()).strip("-")
    time = "" if pick.start_s is None else f"-{pick.start_s:03.0f}s"
    return f"{stem}{time}{path.suffix if path.suffix in COMPRESSED else '.flac'}"


def main(argv: Sequence[str] | None = None) -> None:
    """Build, and end with a table of what was built; a failure is one line and its exit code."""
    args = parser().parse_args(argv)
    try:
        plan = load_plan(args.plan)
        if args.fetch:
            fetch({name: version for corpus in plan for name, version in corpus.packages.items()}, args.root)
        clips = build(plan, args.root, args.out)
    except DestaError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error
    shutil.copytree(args.plan / "licences", args.out / "licences", dirs_exist_ok=True)
    print(summarise(clips))


if __name__ == "__main__":
    main()
