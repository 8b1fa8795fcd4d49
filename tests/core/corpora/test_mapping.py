from pathlib import Path

import pytest

from components.core.contracts.errors import SourceError
from components.core.corpora.mapping import MAPPINGS, Mapper, read_mapping, vocabulary
from components.core.corpora.policy import SENSITIVE
from components.core.corpora.reading import Corpus, read_corpus
from tests.builders import flac, make_tone, write_corpus

TONE = flac(make_tone())
READY = sorted(file.stem for file in MAPPINGS.glob("*.yaml"))
OWN = """
sex:
  attribute: gender
  values: {F: female, M: male, unknown: }
years:
  attribute: age
  bins: {0: child, 13: teens, 20: twenties, 30: thirties, 110: }
feeling: {attribute: emotion}
what: {attribute: sound_event}
"""


def mapped(tmp_path: Path, table: str, *, mapping: str = OWN, policy: str = "") -> Corpus:
    given = f"name: test\nlicence: CC0-1.0\ndomain: speech\nmapping: attributes.yaml\n{policy}"
    folder = write_corpus(tmp_path, {"a.flac": TONE, "b.flac": TONE}, policy=given, table=table)
    (folder / "attributes.yaml").write_text(mapping, encoding="utf-8")
    return read_corpus(folder)


def ready(name: str, **cells: str) -> dict[str, str]:
    return Mapper(name, read_mapping(MAPPINGS / f"{name}.yaml")).standard(cells, "a table, line 2")


def test_columns_and_codes_become_standard_attributes(tmp_path: Path) -> None:
    table = "path,sex,years,feeling,what,mood\na.flac,F,34,happy,a dog,calm\nb.flac,m,19.5,,,\n"
    one, other = mapped(tmp_path, table, policy="attributes: [gender, age, mood]\n").recordings
    assert one.attributes == {
        "age": "thirties",
        "emotion": "happy",
        "gender": "female",
        "mood": "calm",
        "sound_event": "a dog",
    }
    assert other.attributes == {"age": "teens", "gender": "male"}
    assert one.describable == ("gender", "age", "mood")


def test_what_the_mapping_leaves_out_is_counted_by_column(tmp_path: Path) -> None:
    corpus = mapped(tmp_path, "path,sex,years\na.flac,unknown,200\nb.flac,M,\n")
    assert [recording.attributes for recording in corpus.recordings] == [{}, {"gender": "male"}]
    assert corpus.unmapped == {"sex": 1, "years": 1}


def test_a_value_that_may_be_dropped_is_dropped(tmp_path: Path) -> None:
    drops = "sex: {attribute: gender, values: {F: female}, other: drop}\n"
    corpus = mapped(tmp_path, "path,sex\na.flac,F\nb.flac,G\n", mapping=drops)
    assert [recording.attributes for recording in corpus.recordings] == [{"gender": "female"}, {}]
    assert corpus.unmapped == {"sex": 1}


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ("sex\na.flac,femal", "sex 'femal' is not in the mapping attributes.yaml; it has f, m, unknown; "),
        ("sex\na.flac,unknwn", "sex 'unknwn' .*did you mean 'unknown'"),
        ("feeling\na.flac,happpy", "feeling 'happpy' .*did you mean 'happy'"),
        ("years\na.flac,old", "years 'old' .*it has numbers from 0; "),
        ("years\na.flac,-1", "years '-1' .*it has numbers from 0; "),
        ("years\na.flac,nan", "years 'nan' "),
        ("sex,gender\na.flac,F,male", "gender is 'male' after column 'gender' and 'female' after 'sex'"),
    ],
)
def test_a_value_that_no_rule_names_is_an_error_with_its_line(tmp_path: Path, cell: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=rf"metadata\.csv, line 2: {complaint}"):
        mapped(tmp_path, f"path,{cell}\n")


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ("ethnicity: {attribute: accent}\n", "column 'ethnicity' is sensitive or cannot be heard, under whatever name"),
        ("Skin-Colour: {attribute: caption}\n", "column 'Skin-Colour' is sensitive"),
        ("what: {attribute: ethnicity}\n", "what: no standard attribute 'ethnicity'; .*known: gender, age"),
        ("what: {attribute: emoton}\n", "no standard attribute 'emoton'; did you mean 'emotion'"),
        ("transcript: {attribute: caption}\n", "column 'transcript' is no attribute"),
        ("feeling: {attribute: emotion, values: {HAP: hapy}}\n", "did you mean 'happy'.*emotion 'hapy' is not one of"),
        ("age: {bins: {30: old}}\n", "age 'old' is not one of child, teens"),
        ("age: {bins: {many: child}}\n", "age: bins: many: .*valid number"),
        ("age: {othr: drop}\n", "age: othr: "),
        ("age: {other: keep}\n", "age: other: .*'error' or 'drop', got 'keep'"),
        ("Age: {other: drop}\nage: {}\n", "'age' is there twice"),
        ("gender: {values: {F: female, f: male}}\n", "'f' is there twice"),
        ("", "the file: "),
        ("[a, list]\n", "the file: "),
        ("gender: {unclosed\n", "mend it: "),
    ],
)
def test_a_mapping_that_cannot_be_used_is_named(tmp_path: Path, mapping: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint) as caught:
        mapped(tmp_path, "path,ethnicity,what\na.flac,x,y\n", mapping=mapping)
    assert str(caught.value).startswith(str(tmp_path / "attributes.yaml"))
    assert "\n" not in str(caught.value)


def test_a_mapping_does_not_let_in_what_the_policy_refuses(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="attribute 'ethnicity' is sensitive"):
        mapped(tmp_path, "path,sex,ethnicity\na.flac,F,x\n", policy="attributes: [gender, ethnicity]\n")


def test_the_allow_list_speaks_of_the_names_after_the_mapping(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="attribute 'sex' is no column of attributes; the corpus has gender"):
        mapped(tmp_path, "path,sex\na.flac,F\n", policy="attributes: [sex]\n")


@pytest.mark.parametrize("name", ["comon_voice", "../attributes.yaml", "absent.yaml", "vctk.yml"])
def test_a_mapping_that_does_not_exist_is_named(tmp_path: Path, name: str) -> None:
    policy = f"name: test\nlicence: CC0-1.0\ndomain: speech\nmapping: {name}\n"
    folder = write_corpus(tmp_path / "corpus", {"a.flac": TONE}, policy=policy)
    (tmp_path / "attributes.yaml").write_text(OWN)
    with pytest.raises(
        SourceError, match=r"corpus\.yaml: mapping .*want a \.yaml file beside it, or one of common_voi"
    ):
        read_corpus(folder)


def test_another_mapping_makes_another_corpus(tmp_path: Path) -> None:
    table = "path,sex\na.flac,F\n"
    other = OWN.replace("F: female", "F: male")
    digests = {mapped(tmp_path, table, mapping=mapping).digest() for mapping in (OWN, other, OWN)}
    assert len(digests) == 2


def test_no_standard_attribute_is_sensitive_and_each_has_a_meaning() -> None:
    assert not vocabulary().keys() & SENSITIVE
    assert all(attribute.meaning for attribute in vocabulary().values())


@pytest.mark.parametrize("name", READY)
def test_a_ready_mapping_can_be_read(name: str) -> None:
    assert read_mapping(MAPPINGS / f"{name}.yaml")


@pytest.mark.parametrize(
    ("name", "cells", "told"),
    [
        (
            "common_voice",
            {"gender": "female_feminine", "age": "fourties", "accents": "United States English"},
            {"gender": "female", "age": "forties", "accent": "American English"},
        ),
        ("common_voice", {"gender": "male", "accent": "scotland"}, {"gender": "male", "accent": "Scottish English"}),
        ("common_voice", {"gender": "non-binary", "accents": "I grew up in Oslo, then moved"}, {}),
        (
            "vctk",
            {"AGE": "23", "GENDER": "F", "ACCENTS": "NorthernIrish"},
            {"age": "twenties", "gender": "female", "accent": "Northern Irish English"},
        ),
        (
            "crema_d",
            {"emotion": "ANG", "level": "XX", "Sex": "Male", "Age": "51"},
            {"emotion": "angry", "gender": "male", "age": "fifties"},
        ),
        ("meld", {"Emotion": "joy", "Sentiment": "positive"}, {"emotion": "happy", "sentiment": "positive"}),
        ("esc50", {"category": "dog", "target": "0"}, {"sound_event": "dog barking", "sound_class": "animal"}),
        ("esc50", {"category": "hand_saw", "target": "49"}, {"sound_event": "hand saw", "sound_class": "outdoors"}),
        (
            "nsynth",
            {"instrument_family_str": "mallet", "instrument_source_str": "acoustic", "pitch": "84"},
            {"instrument": "mallet percussion", "instrument_source": "acoustic", "pitch": "medium"},
        ),
        ("gtzan", {"genre": "hiphop"}, {"genre": "hip hop"}),
    ],
)
def test_a_ready_mapping_knows_its_corpus(name: str, cells: dict[str, str], told: dict[str, str]) -> None:
    assert ready(name, **cells) == dict(sorted(told.items()))


def test_common_voice_is_read_with_its_mapping(tmp_path: Path) -> None:
    policy = "name: cv\nlicence: CC0-1.0\ndomain: speech\nformat: common_voice\nmapping: common_voice\n"
    folder = write_corpus(tmp_path, {"clips/a.mp3": TONE}, policy=policy + "attributes: [gender, age, accent]\n")
    columns = "client_id\tpath\tsentence\tage\tgender\taccents\tlocale\n"
    row = "v1\ta.mp3\tHello there.\tthirties\tmale_masculine\tEngland English,with a lisp\ten\n"
    (folder / "validated.tsv").write_text(columns + row)
    corpus = read_corpus(folder)
    assert corpus.recordings[0].attributes == {"age": "thirties", "gender": "male"}
    assert corpus.unmapped == {"accents": 1}
