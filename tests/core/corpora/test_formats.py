"""Each format on a few real recordings laid out as it wants them, and on what is damaged."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.contracts.errors import SourceError
from components.core.contracts.records import Clip, RefusedClip, Split
from components.core.corpora.reading import FORMATS, read_corpus
from components.core.corpora.recordings import Recording
from components.core.digests import digest_of_file
from components.ingest_audio.clips import audio_of, make_clip, source_of
from components.ingest_audio.settings import IngestAudioSettings
from components.ingest_audio.splits import Placed
from pipelines.sample_data import sample_corpora

POLICY = "name: mine\nlicence: CC0-1.0\ndomain: speech\nformat: {}\n"


@pytest.fixture(scope="module")
def real() -> list[tuple[bytes, str]]:
    """Three spoken recordings of the sample corpora, with what is said in them."""
    (folder,) = [folder for folder in sample_corpora() if folder.name == "asterisk-en"]
    spoken = [r for r in read_corpus(folder).recordings if r.transcript and r.file.suffix == ".flac"][:3]
    return [(recording.file.read_bytes(), recording.transcript or "") for recording in spoken]


def put(file: Path, content: bytes | str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)


def clip_of(recording: Recording) -> Clip | RefusedClip:
    audio = audio_of(recording)
    source = source_of(recording, audio, digest_of_file)
    return make_clip(Placed(recording, Split.TRAIN, None), audio, source, IngestAudioSettings())


def common_voice(folder: Path, real: list[tuple[bytes, str]]) -> None:
    header = "client_id\tpath\tsentence_id\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tlocale\n"
    for number, (table, (audio, said)) in enumerate(zip(("train.tsv", "dev.tsv", "test.tsv"), real, strict=True)):
        put(folder / f"clips/c{number}.flac", audio)
        put(folder / table, f"{header}v{number}\tc{number}.flac\ts{number}\t{said}\t2\t0\ttwenties\tfemale\t\ten\n")


def ljspeech(folder: Path, real: list[tuple[bytes, str]]) -> None:
    for number, (audio, _) in enumerate(real):
        put(folder / f"wavs/LJ-{number}.wav", audio)
    put(folder / "metadata.csv", "".join(f'LJ-{n}|{said}|{said} "normal"\n' for n, (_, said) in enumerate(real)))


def librispeech(folder: Path, real: list[tuple[bytes, str]]) -> None:
    put(folder / "SPEAKERS.TXT", "; comment\n14 | F | dev-clean | 25.03 | A reader\n")
    for number, (audio, _) in enumerate(real):
        put(folder / f"dev-clean/14/208/14-208-000{number}.flac", audio)
    lines = [f"14-208-000{number} {said}\n" for number, (_, said) in enumerate(real)]
    put(folder / "dev-clean/14/208/14-208.trans.txt", "".join(lines))


def nemo(folder: Path, real: list[tuple[bytes, str]]) -> None:
    lines = []
    for number, (audio, said) in enumerate(real):
        put(folder / f"audio/{number}.flac", audio)
        lines.append(json.dumps({"audio_filepath": f"audio/{number}.flac", "duration": 1.0, "text": said}) + "\n")
    put(folder / "manifest.json", "".join(lines))


def lhotse(folder: Path, real: list[tuple[bytes, str]]) -> None:
    recordings, supervisions = "", ""
    for number, (audio, said) in enumerate(real):
        put(folder / f"audio/{number}.flac", audio)
        source = {"type": "file", "channels": [0], "source": f"audio/{number}.flac"}
        recordings += json.dumps({"id": f"r{number}", "sources": [source], "sampling_rate": 8000}) + "\n"
        told = {"id": f"s{number}", "recording_id": f"r{number}", "start": 0.0, "text": said, "speaker": "v"}
        supervisions += json.dumps({**told, "gender": "female", "language": "en", "custom": {"mood": "calm"}}) + "\n"
    put(folder / "recordings.jsonl.gz", gzip.compress(recordings.encode()))
    put(folder / "supervisions.jsonl.gz", gzip.compress(supervisions.encode()))


def upstream(folder: Path, real: list[tuple[bytes, str]]) -> None:
    lines = []
    for number, (audio, said) in enumerate(real):
        put(folder / f"audio/{number}.flac", audio)
        turn = {"role": "user", "content": "<|AUDIO|>", "audios": [{"audio": f"audio/{number}.flac", "text": said}]}
        lines += [json.dumps({"id": number, "messages": [turn], "response": "It is a voice."}) + "\n"] * 2
    put(folder / "train.jsonl", "".join(lines))


def webdataset(folder: Path, real: list[tuple[bytes, str]]) -> None:
    with tarfile.open(folder / "shard-000.tar", "w") as tar:
        for number, (audio, said) in enumerate(real):
            about = json.dumps({"language": "en", "gender": "female"}).encode()
            for name, data in ((f"{number}.flac", audio), (f"{number}.json", about), (f"{number}.txt", said.encode())):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def hf_parquet(folder: Path, real: list[tuple[bytes, str]]) -> None:
    audio = [{"bytes": data, "path": f"{number}.flac"} for number, (data, _) in enumerate(real)]
    table = pa.table({"audio": audio, "text": [said for _, said in real], "gender": ["female"] * len(real)})
    pq.write_table(table, folder / "train-00000-of-00001.parquet", row_group_size=2)


Layout = Callable[[Path, list[tuple[bytes, str]]], None]
LAYOUTS: dict[str, Layout] = {
    layout.__name__: layout
    for layout in (common_voice, ljspeech, librispeech, nemo, lhotse, upstream, webdataset, hf_parquet)
}


def laid_out(name: str, folder: Path, real: list[tuple[bytes, str]]) -> Path:
    put(folder / "corpus.yaml", POLICY.format(name))
    LAYOUTS[name](folder, real)
    return folder


@pytest.mark.parametrize("name", LAYOUTS)
def test_real_recordings_come_out_with_what_is_said_in_them(
    name: str, tmp_path: Path, real: list[tuple[bytes, str]]
) -> None:
    recordings = read_corpus(laid_out(name, tmp_path, real)).recordings

    assert [recording.transcript for recording in recordings] == [said for _, said in real]
    clips = [clip_of(recording) for recording in recordings]
    assert all(isinstance(clip, Clip) for clip in clips)
    whole = [clip_of(replace(recordings[0], member=None, file=_written(tmp_path, audio))) for audio, _ in real]
    assert [clip.clip_id for clip in clips if isinstance(clip, Clip)] == [
        clip.clip_id for clip in whole if isinstance(clip, Clip)
    ]


def _written(folder: Path, audio: bytes) -> Path:
    file = folder / f"whole-{len(audio)}.audio"
    file.write_bytes(audio)
    return file


def test_every_format_but_the_plain_folder_is_among_these() -> None:
    assert set(FORMATS) == {"folder", *LAYOUTS}


@pytest.mark.parametrize(
    ("name", "speaker", "split", "attributes"),
    [
        ("common_voice", "v0", Split.TRAIN, {"age": "twenties", "gender": "female"}),
        ("ljspeech", "mine", None, {}),
        ("librispeech", "librispeech/14", Split.VALIDATION, {"gender": "female"}),
        ("lhotse", "mine/v", None, {"gender": "female", "mood": "calm"}),
        ("webdataset", None, None, {"gender": "female"}),
        ("hf_parquet", None, Split.TRAIN, {"gender": "female"}),
    ],
)
def test_what_a_format_knows_of_a_clip_is_kept(
    name: str,
    speaker: str | None,
    split: Split | None,
    attributes: dict[str, str],
    tmp_path: Path,
    real: list[tuple[bytes, str]],
) -> None:
    first = read_corpus(laid_out(name, tmp_path, real)).recordings[0]
    assert (first.speaker_id, first.split, first.attributes) == (speaker, split, attributes)


def recording(sources: object) -> bytes:
    return gzip.compress(json.dumps({"id": "r0", "sources": sources}).encode(), mtime=0)


def supervisions(*told: dict[str, object]) -> bytes:
    lines = [json.dumps({"recording_id": "r0", "start": 0.0, "duration": 0.4, **each}) for each in told]
    return gzip.compress("\n".join(lines).encode(), mtime=0)


@pytest.mark.parametrize(
    ("name", "file", "damage", "complaint"),
    [
        ("common_voice", "dev.tsv", "client_id\tpath\na\n", r"dev\.tsv, line 2: 1 cells, the header has 2"),
        ("common_voice", "test.tsv", "client_id\tsentence\na\tb\n", r"test\.tsv, line 2: no column `path`"),
        ("ljspeech", "metadata.csv", "LJ-0|a|b\nLJ-1|a\n", r"metadata\.csv, line 2: 2 cells, the header has 3"),
        ("ljspeech", "metadata.csv", "../../x|a|b\n", r"want a file below the corpus folder"),
        ("librispeech", "dev-clean/14/208/14-208.trans.txt", "HELLO\n", r"line 1: 'HELLO': want <speaker>"),
        ("librispeech", "dev-clean/14/208/14-208.trans.txt", b"14-208-0000 caf\xe9\n", r"trans\.txt: not UTF-8"),
        ("nemo", "manifest.json", '{"text": "a"}\n', r"line 1: no `audio_filepath`"),
        ("nemo", "manifest.json", '{"audio_filepath": "audio/0.flac", "offset": -2}\n', r"start_s '-2'"),
        ("nemo", "manifest.json", '{"audio_filepath": "audio/0.flac", "offset": "x"}\n', r"start_s 'x'"),
        ("lhotse", "supervisions.jsonl.gz", b"\x1f\x8b broken", r"supervisions\.jsonl\.gz: not gzip"),
        ("lhotse", "recordings.jsonl.gz", gzip.compress(b'{"id": "r9"}', mtime=0), r"want one source of type `file`"),
        ("upstream", "train.jsonl", '{"id": 1}\n', r"line 1: no list of `messages`"),
        ("lhotse", "recordings.jsonl.gz", recording("a.flac"), r"want one source of type `file`, got 'a\.flac'"),
        ("lhotse", "recordings.jsonl.gz", recording({"type": "file"}), r"want one source of type `file`, got \{"),
        ("lhotse", "recordings.jsonl.gz", recording(3), r"want one source of type `file`, got 3"),
        ("lhotse", "recordings.jsonl.gz", recording(["a.flac"]), r"want one source of type `file`, got \["),
        ("lhotse", "recordings.jsonl.gz", recording([{"type": "file", "source": 3}]), r"line 1: want one source of"),
        ("lhotse", "recordings.jsonl.gz", recording([{"type": "file", "source": "\udfff"}]), r"path: '\\udfff' is not"),
        ("lhotse", "supervisions.jsonl.gz", supervisions({"custom": ["calm"]}), r"line 1: `custom` wants an object"),
        ("lhotse", "supervisions.jsonl.gz", supervisions({"text": "\ud800"}), r"line 1: transcript: '\\ud800' is not"),
        ("upstream", "train.jsonl", '{"messages": [{"audios": ["x"]}]}\n', r"line 1: `audios` want objects"),
        ("upstream", "train.jsonl", '{"messages": [{"audios": 3}]}\n', r"line 1: `audios` want objects .*, got 3"),
        ("upstream", "train.jsonl", '{"messages": ["hello"]}\n', r"line 1: `messages` want objects, got 'hello'"),
        ("upstream", "train.jsonl", '{"messages": [{"audios": [{"audio": "\\udfff"}]}]}\n', r"path: '\\udfff' is not"),
        ("webdataset", "shard-000.tar", b"this is no tar" * 99, r"shard-000\.tar: not a tar file"),
        ("hf_parquet", "train-00000-of-00001.parquet", b"PAR1 cut off", r"\.parquet: not Parquet"),
    ],
)
def test_damage_is_one_clear_error(
    name: str, file: str, damage: bytes | str, complaint: str, tmp_path: Path, real: list[tuple[bytes, str]]
) -> None:
    folder = laid_out(name, tmp_path, real)
    put(folder / file, damage)
    with pytest.raises(SourceError, match=complaint) as raised:
        read_corpus(folder)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_folder_of_another_layout_is_one_clear_error(name: str, tmp_path: Path) -> None:
    put(tmp_path / "corpus.yaml", POLICY.format(name))
    with pytest.raises(SourceError, match=r"want|put the"):
        read_corpus(tmp_path)


@pytest.mark.parametrize("name", LAYOUTS)
def test_an_attribute_that_no_clip_has_is_one_clear_error(
    name: str, tmp_path: Path, real: list[tuple[bytes, str]]
) -> None:
    folder = laid_out(name, tmp_path, real)
    put(folder / "corpus.yaml", POLICY.format(name) + "attributes: [emotoin]\n")
    with pytest.raises(
        SourceError, match=r"corpus\.yaml: attribute 'emotoin' is no column of attributes; the corpus has "
    ):
        read_corpus(folder)


def test_an_unknown_format_is_named_with_what_it_may_have_meant(tmp_path: Path) -> None:
    put(tmp_path / "corpus.yaml", POLICY.format("commonvoice"))
    with pytest.raises(SourceError, match=r"format 'commonvoice': did you mean common_voice\? known: folder, "):
        read_corpus(tmp_path)


def test_a_stretch_is_cut_from_its_file_and_keeps_its_place(tmp_path: Path, real: list[tuple[bytes, str]]) -> None:
    put(tmp_path / "corpus.yaml", POLICY.format("nemo"))
    put(tmp_path / "a.flac", real[0][0])
    spans = [{"audio_filepath": "a.flac", "offset": start, "duration": 0.4} for start in (0.5, 0.1)]
    put(tmp_path / "m.json", "".join(json.dumps(span) + "\n" for span in spans))

    clips = [clip_of(recording) for recording in read_corpus(tmp_path).recordings]

    assert [(clip.source.offset_s, clip.source.source_id) for clip in clips] == [
        (0.1, "mine/a.flac"),
        (0.5, "mine/a.flac"),
    ]
    assert [clip.duration_s for clip in clips if isinstance(clip, Clip)] == [0.4, 0.4]


@pytest.mark.parametrize(
    ("span", "complaint"),
    [
        ({"offset": 900.0}, "is to start at 900 s, the file has"),
        ({"offset": 0.1, "duration": 700.0}, "before the stretch that is asked for"),
    ],
)
def test_a_stretch_that_is_not_there_is_refused_by_name(
    span: dict[str, float], complaint: str, tmp_path: Path, real: list[tuple[bytes, str]]
) -> None:
    put(tmp_path / "corpus.yaml", POLICY.format("nemo"))
    put(tmp_path / "a.flac", real[0][0])
    put(tmp_path / "m.json", json.dumps({"audio_filepath": "a.flac", **span}))

    (refused,) = [clip_of(recording) for recording in read_corpus(tmp_path).recordings]

    assert isinstance(refused, RefusedClip)
    assert complaint in f"{refused.reason} {refused.detail}"


def test_the_first_of_several_stretches_read_together_keeps_its_end(tmp_path: Path) -> None:
    put(tmp_path / "corpus.yaml", POLICY.format("nemo") + "stretches: together\n")
    lines = [{"audio_filepath": "a.flac", "offset": start, "duration": 1.5, "text": "Yes."} for start in (0, 2)]
    put(tmp_path / "manifest.json", "\n".join(map(json.dumps, lines)))
    (recording,) = read_corpus(tmp_path).recordings
    assert [(segment.start_s, segment.end_s) for segment in recording.segments] == [(0.0, 1.5), (2.0, 3.5)]
