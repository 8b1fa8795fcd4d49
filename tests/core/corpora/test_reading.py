import os
import shutil
from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError, SourceError
from components.core.contracts.records import Domain, Split
from components.core.corpora.policy import SENSITIVE
from components.core.corpora.reading import read_corpora, read_corpus
from tests.builders import flac, make_tone, write_corpus

TONE = flac(make_tone())
POLICY = "name: test\nlicence: CC0-1.0\n"


def test_a_folder_of_audio_is_a_corpus(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path, {"b.flac": TONE, "deep/er/A.WAV": TONE, "notes.txt": b"hello"})
    corpus = read_corpus(folder)
    assert [(r.path, r.domain, r.licence, r.split, r.source_id) for r in corpus.recordings] == [
        ("b.flac", Domain.SOUND, "CC0-1.0", None, "test/b.flac"),
        ("deep/er/A.WAV", Domain.SOUND, "CC0-1.0", None, "test/deep/er/A.WAV"),
    ]


CSV = """path,domain,transcript,language,speaker_id,source_id,split,licence,gender,age
a.flac,speech, Hello there ,no,s1,book,validation,CC-BY-4.0,female,
"""
JSONL = """{"path": "a.flac", "domain": "speech", "transcript": "Hello there", "language": "no", "speaker_id": "s1", \
"source_id": "book", "split": "validation", "licence": "CC-BY-4.0", "gender": "female", "age": null}"""


@pytest.mark.parametrize(("name", "table"), [("metadata.csv", CSV), ("metadata.jsonl", JSONL)])
def test_the_table_says_what_is_known_of_a_file(tmp_path: Path, name: str, table: str) -> None:
    policy = POLICY + "domain: sound\nlanguage: fr\nattributes: [gender]\n"
    folder = write_corpus(
        tmp_path, {"a.flac": TONE, "left-out.flac": TONE}, policy=policy, table=table, table_name=name
    )
    corpus = read_corpus(folder)
    (recording,) = corpus.recordings
    assert recording.domain is Domain.SPEECH
    assert recording.split is Split.VALIDATION
    assert (recording.transcript, recording.language) == ("Hello there", "no")
    assert (recording.speaker_id, recording.source_id, recording.licence) == ("s1", "book", "CC-BY-4.0")
    assert recording.attributes == {"gender": "female"}
    assert recording.describable == ("gender",)
    assert [file.name for file in corpus.unlisted] == ["left-out.flac"]


def test_an_empty_cell_is_unknown_and_the_corpus_speaks_for_it(tmp_path: Path) -> None:
    policy = POLICY + "domain: music\nlanguage: no\nattribution:\n"
    table = "path,domain,transcript,language,speaker_id,licence,mood\na.flac,,  ,,,,\n"
    (recording,) = read_corpus(write_corpus(tmp_path, {"a.flac": TONE}, policy=policy, table=table)).recordings
    assert (recording.domain, recording.language, recording.licence) == (Domain.MUSIC, "no", "CC0-1.0")
    assert (recording.transcript, recording.speaker_id, recording.attributes) == (None, None, {})


def test_rows_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    table = "path\nc.flac\na.flac\nb.flac\n"
    folder = write_corpus(tmp_path, {}, table=table)
    assert [recording.path for recording in read_corpus(folder).recordings] == ["a.flac", "b.flac", "c.flac"]


def test_corpora_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    folders = [
        write_corpus(tmp_path / place, {"a.flac": TONE}, policy=f"name: {name}\nlicence: x\ndomain: sound\n")
        for place, name in (("1", "zebra"), ("2", "ant"))
    ]
    assert [corpus.policy.name for corpus in read_corpora(folders)] == ["ant", "zebra"]


def test_two_corpora_of_one_name_are_told_apart(tmp_path: Path) -> None:
    folders = [write_corpus(tmp_path / name, {"a.flac": TONE}) for name in ("one", "two")]
    with pytest.raises(SourceError, match=r"one and .*two: both are named 'test'"):
        read_corpora(folders)


@pytest.mark.parametrize("name", ["with space.flac", "two\nlines.flac", "-rf.flac", "größe 音.flac", ".hidden.flac"])
def test_a_strange_file_name_is_listed_as_it_is(tmp_path: Path, name: str) -> None:
    corpus = read_corpus(write_corpus(tmp_path, {name: TONE}))
    assert [recording.path for recording in corpus.recordings] == [name]
    assert corpus.digest() == read_corpus(tmp_path).digest()


def test_a_name_that_is_not_utf8_is_written_with_escapes(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path, {})
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.flac")).write_bytes(TONE)
    corpus = read_corpus(folder)
    assert [recording.path for recording in corpus.recordings] == ["caf\\xe9.flac"]
    assert corpus.recordings[0].file.is_file()
    assert corpus.digest() == read_corpus(folder).digest()


@pytest.mark.parametrize("path", ["../a.flac", "/etc/passwd", "deep/../../a.flac", "", "."])
def test_a_path_that_leaves_the_folder_is_named(tmp_path: Path, path: str) -> None:
    folder = write_corpus(tmp_path, {}, table=f"path,mood\n{path},calm\n")
    with pytest.raises(SourceError, match=r"metadata\.csv, line 2: path .*: want a file below the corpus folder"):
        read_corpus(folder)


def test_the_same_file_under_two_names_of_its_path_is_a_duplicate(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path, {"a.flac": TONE}, table="path\na.flac\n./a.flac\n")
    with pytest.raises(SourceError, match=r"line 3: path 'a\.flac' is at .*line 2 already"):
        read_corpus(folder)


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ("name: test\n", "`licence` is missing"),
        ("licence: CC0-1.0\n", "`name` is missing"),
        ("name: test\nlicence:\n", "`licence` is missing"),
        (POLICY + "domian: sound\n", "unknown key 'domian'; it has name, licence"),
        (POLICY + "domain: noise\n", "domain: .*'speech', 'sound' or 'music', got 'noise'"),
        (POLICY + "attributes: gender\n", "attributes: .* got 'gender'"),
        ('name: "two\\nlines"\nlicence: x\n', "control characters"),
        ("just text\n", "the file: .* got 'just text'"),
        ("- a\n- list\n", "the file: "),
        ("", "the file: "),
        ("name: [unclosed\n", "mend it: "),
        (POLICY, "nothing says the `domain` of 'a.flac'"),
        (POLICY + "domain: sound\nattributes: [gender]\n", "attributes without a metadata.csv or metadata.jsonl"),
    ],
)
def test_a_corpus_yaml_that_cannot_be_used_is_named(tmp_path: Path, policy: str, complaint: str) -> None:
    folder = write_corpus(tmp_path, {"a.flac": TONE}, policy=policy)
    with pytest.raises(SourceError, match=complaint) as caught:
        read_corpus(folder)
    assert str(caught.value).startswith(str(folder / "corpus.yaml"))
    assert "\n" not in str(caught.value)


def test_a_corpus_yaml_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path, {"a.flac": TONE})
    (folder / "corpus.yaml").write_bytes("name: caf\xe9\n".encode("latin-1"))
    with pytest.raises(SourceError, match=r"corpus\.yaml: mend it: .*utf-8"):
        read_corpus(folder)


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ("path,domain\na.flac,noise\n", "line 2: domain 'noise': want one of speech, sound, music"),
        ("path,split\na.flac,test\n", "line 2: split 'test': want one of train, validation, evaluation"),
        ("file,mood\na.flac,calm\n", "line 2: no column `path`; it has file, mood"),
        ("path,license\na.flac,x\n", "line 2: column 'license': write `licence`, or give the attribute another name"),
        ("path,Speaker_ID\na.flac,x\n", "column 'Speaker_ID': write `speaker_id`"),
        ("path,mood\n", "no recordings"),
        ("", "no recordings"),
    ],
)
def test_a_table_that_cannot_be_used_is_named(tmp_path: Path, table: str, complaint: str) -> None:
    folder = write_corpus(tmp_path, {"a.flac": TONE}, table=table)
    with pytest.raises(SourceError, match=complaint):
        read_corpus(folder)


def test_an_attribute_that_no_column_has_is_a_typo(tmp_path: Path) -> None:
    policy = POLICY + "domain: sound\nattributes: [emotoin]\n"
    folder = write_corpus(tmp_path, {"a.flac": TONE}, policy=policy, table="path,emotion\na.flac,happy\n")
    with pytest.raises(
        SourceError, match=r"corpus\.yaml: attribute 'emotoin' is no column of attributes; the corpus has "
    ):
        read_corpus(folder)


def test_a_speaker_is_no_attribute(tmp_path: Path) -> None:
    policy = POLICY + "domain: sound\nattributes: [speaker_id]\n"
    folder = write_corpus(tmp_path, {"a.flac": TONE}, policy=policy, table="path,speaker_id\na.flac,s1\n")
    with pytest.raises(SourceError, match="attribute 'speaker_id' is no column of attributes"):
        read_corpus(folder)


def test_two_tables_are_one_too_many(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path, {"a.flac": TONE}, table="path\na.flac\n")
    (folder / "metadata.jsonl").write_text('{"path": "a.flac"}\n')
    with pytest.raises(SourceError, match=r"has metadata\.csv and metadata\.jsonl; keep one"):
        read_corpus(folder)


def test_what_is_no_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r": no corpus\.yaml; write one with a `name` and a `licence`"):
        read_corpus(tmp_path)


@pytest.mark.parametrize("name", ["absent", "a-file"])
def test_a_place_that_is_no_folder_was_asked_for_by_mistake(tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file").write_text("hello")
    with pytest.raises(ConfigurationError, match=rf"{name}: no such folder; name the folder of a corpus"):
        read_corpus(tmp_path / name)


def test_a_corpus_without_audio_says_which_suffixes_it_looks_for(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no recordings; put audio files \(.*\.flac.*\.wav\) into it"):
        read_corpus(write_corpus(tmp_path, {"notes.txt": b"hello"}))


@pytest.mark.parametrize(
    "name", ["ethnicity", "race", "socioeconomic_background", "religion", "health", "speaker_name", "Song-Title"]
)
def test_what_is_sensitive_or_inaudible_is_told_only_when_it_is_named_twice(tmp_path: Path, name: str) -> None:
    table = f"path,{name}\na.flac,x\n"
    told = POLICY + f"domain: sound\nattributes: ['{name}']\n"
    with pytest.raises(SourceError, match=f"attribute '{name}' is sensitive or cannot be heard"):
        read_corpus(write_corpus(tmp_path / "a", {"a.flac": TONE}, policy=told, table=table))
    allowed = write_corpus(
        tmp_path / "b", {"a.flac": TONE}, policy=told + f"allow_sensitive: ['{name}']\n", table=table
    )
    assert read_corpus(allowed).recordings[0].describable == (name,)


def test_an_exception_for_what_is_not_told_is_an_error(tmp_path: Path) -> None:
    policy = POLICY + "domain: sound\nattributes: [mood]\nallow_sensitive: [race]\n"
    folder = write_corpus(tmp_path, {"a.flac": TONE}, policy=policy, table="path,mood\na.flac,calm\n")
    with pytest.raises(SourceError, match="allow_sensitive names 'race', which is not among the attributes"):
        read_corpus(folder)


def test_sensitive_names_are_written_in_their_plain_form() -> None:
    assert all(name == name.lower() and name.replace("_", "").isalnum() for name in SENSITIVE)


SAID = {"corpus.yaml": ("CC0-1.0", "CC-BY-4.0"), "metadata.csv": ("calm", "wild")}


@pytest.mark.parametrize("change", ["corpus.yaml", "metadata.csv", "a.flac", "unlisted.flac", "renamed", "new"])
def test_the_digest_follows_names_and_contents(tmp_path: Path, change: str) -> None:
    folder = write_corpus(tmp_path / "one", {"a.flac": TONE, "unlisted.flac": TONE}, table="path,mood\na.flac,calm\n")
    other = Path(shutil.copytree(folder, tmp_path / "two"))
    assert read_corpus(other).digest() == read_corpus(folder).digest()
    if change == "renamed":
        (other / "unlisted.flac").rename(other / "other.flac")
    elif change == "new":
        (other / "new.ogg").write_bytes(b"")
    elif change in SAID:
        (other / change).write_text((other / change).read_text().replace(*SAID[change]))
    else:
        (other / change).write_bytes((other / change).read_bytes() + b"\n")
    assert read_corpus(other).digest() != read_corpus(folder).digest()


def test_the_digest_follows_a_consent_once_one_is_stated(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path, {"a.flac": TONE})
    stated = {read_corpus(folder).digest()}
    for consent in ("[research]", "[research, commercial]"):
        (folder / "corpus.yaml").write_text(POLICY + f"domain: sound\nconsent: {consent}\n")
        stated.add(read_corpus(folder).digest())
    assert len(stated) == 3


def test_a_listed_file_counts_whatever_its_suffix(tmp_path: Path) -> None:
    folder = write_corpus(tmp_path, {"clip.audio": TONE}, table="path\nclip.audio\nabsent.flac\n")
    before = read_corpus(folder).digest()
    (folder / "clip.audio").write_bytes(TONE + b"x")
    assert read_corpus(folder).digest() != before
