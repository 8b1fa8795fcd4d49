import json
import re
import string
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.contracts.errors import ConfigurationError, SourceError
from components.evaluate_model.benchmarks.comparison import compare
from components.evaluate_model.benchmarks.dynamic_superb.dimensions import DIMENSIONS, dimension_of
from components.evaluate_model.benchmarks.dynamic_superb.phase1 import DYNAMIC_SUPERB_1, composite, is_right
from components.evaluate_model.benchmarks.records import Outcome
from components.evaluate_model.benchmarks.scoring import Result, read_items, read_material, score
from tests.components.evaluate_model.benchmarks.instances import instance, predictions, row

BIRDS = "BirdSoundDetection_Warblrb10k"


def scored(path: Path, data: Path | None = None, post: str = "as-it-is") -> Result:
    material = read_material(DYNAMIC_SUPERB_1, path, data)
    return score(DYNAMIC_SUPERB_1, material, None, post=post, seed=1, resamples=50)


def figures(result: Result) -> dict[str, float]:
    return {each.name: each.value for each in result.figures}


@pytest.mark.parametrize(
    ("label", "response", "right"),
    [
        ("Yes", "yes", True),
        ("yes", "YES", True),
        ("Yes", "Yes.", False),
        ("Yes", "Yes ", False),
        ("Yes", " Yes", False),
        ("Yes", "Yes\n", False),
        ("very near", "very  near", False),
        ("Yes", "The answer is yes", False),
        ("Yes", "", False),
        ("Straße", "STRASSE", False),
        ("Éclair", "éCLAIR", True),
    ],
)
def test_a_response_is_right_if_it_equals_the_label_whatever_the_case(
    label: str, response: str, *, right: bool
) -> None:
    assert is_right(label, response) is right


@given(st.text(string.printable), st.randoms(use_true_random=False))
def test_case_is_ignored(label: str, random: Any) -> None:
    assert is_right(label, "".join(random.choice([sign.upper(), sign.lower()]) for sign in label))


@given(st.text(string.digits + string.punctuation + " ", min_size=1), st.text(string.digits + " "))
def test_without_letters_only_the_label_itself_is_right(label: str, response: str) -> None:
    assert is_right(label, label)
    assert is_right(label, response) is (label == response)


@given(st.text(min_size=1), st.characters(), st.data())
def test_nothing_but_case_is_ignored(label: str, sign: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(label)))
    assert not is_right(label, label[:place] + sign + label[place:])
    assert not is_right(label, label[:-1])


def test_each_instance_has_its_accuracy_and_what_is_missing_is_wrong(tmp_path: Path) -> None:
    data = instance(tmp_path / "data", BIRDS, {"a.wav": row(), "b.wav": row("No"), "c.wav": row(), "d.wav": row()})
    instance(data, "SarcasmDetection_Mustard", {"a.wav": row("True")})
    predictions(tmp_path / "said", BIRDS, {"a.wav": row(prediction="yes"), "b.wav": row("No", prediction="")})
    predictions(tmp_path / "said", "SarcasmDetection_Mustard", {"a.wav": row("True", prediction="true")})
    result = scored(tmp_path / "said", data)
    assert figures(result) == {
        BIRDS: 0.25,
        "SarcasmDetection_Mustard": 1.0,
        "semantics (1 of 6)": 1.0,
        "audio (1 of 7)": 0.25,
        "average (2 of 55)": 0.625,
    }
    assert result.missing == (f"{BIRDS}/c.wav", f"{BIRDS}/d.wav")
    assert next(each.outcomes for each in result.figures if each.name == BIRDS) == {
        Outcome.MARKED: 1,
        Outcome.EMPTY: 1,
        Outcome.MISSING: 2,
    }


def test_white_space_around_a_response_goes_only_if_that_is_wanted(tmp_path: Path) -> None:
    file = predictions(tmp_path, BIRDS, {"a.wav": row(prediction=" yes\n"), "b.wav": row(prediction="y es")})
    assert [figures(scored(file, post=post))[BIRDS] for post in ("as-it-is", "stripped")] == [0.0, 0.5]


def test_the_means_are_over_instances_and_not_over_items() -> None:
    known = {name: np.array([1.0]) for name in DIMENSIONS["speaker"][:4]}
    means = composite({**known, DIMENSIONS["speaker"][4]: np.array([0.0]), BIRDS: np.array([0.0])})
    assert {name: float(values[0]) for name, values in means.items()} == {
        "speaker": 0.8,
        "audio (1 of 7)": 0.0,
        "average (6 of 55)": pytest.approx(4 / 6),
    }


def test_with_all_instances_the_means_have_plain_names() -> None:
    every = {name: np.array([0.5, 1.0]) for names in DIMENSIONS.values() for name in names}
    assert list(composite(every)) == [*DIMENSIONS, "average"]
    assert all(np.array_equal(values, [0.5, 1.0]) for values in composite(every).values())


def test_an_instance_that_no_dimension_has_counts_in_the_average_alone() -> None:
    means = composite({BIRDS: np.array([1.0]), "MyOwn_Task": np.array([0.0])})
    assert {name: values[0] for name, values in means.items()} == {
        "audio (1 of 7)": 1.0,
        "average (1 of 55, 1 others)": 0.5,
    }


def test_there_are_55_instances_and_each_is_of_one_dimension() -> None:
    instances = [name for names in DIMENSIONS.values() for name in names]
    assert (len(instances), len({dimension_of(name) for name in instances})) == (55, 6)
    assert all(dimension_of(name) == dimension for dimension, names in DIMENSIONS.items() for name in names)


@pytest.mark.parametrize(
    ("name", "dimension"),
    [
        ("NoiseDetection_VCTK-MUSAN-Gaussian", "degradation"),
        ("NoiseDetection_VCTK_MUSAN-Gaussian", "degradation"),
        ("Intent_Classification_FluentSpeechCommands_Action", "semantics"),
        ("NoiseDetection_VCTK", None),
    ],
)
def test_names_are_known_without_their_separators(name: str, dimension: str | None) -> None:
    assert dimension_of(name) == dimension


def test_all_audio_of_an_item_is_kept_in_its_order(tmp_path: Path) -> None:
    rows = {
        "a.wav": row(),
        "b.wav": row(audio10="z.wav", audio1="b0.wav", audio2="y.wav"),
        "c.flac": row(),
        "a_pair.wav.wav": row(),
    }
    data = instance(tmp_path, BIRDS, rows)
    for name in ("a_pair10.wav", "a_pair2.wav", "aa_pair2.wav", "c_pair.flac", "a_pair3.txt"):
        (data / BIRDS / name).touch()
    items = {key: entry.item for key, entry in read_items(DYNAMIC_SUPERB_1, data).items()}
    assert {key: tuple(Path(each).name for each in item.audio) for key, item in items.items()} == {
        f"{BIRDS}/a.wav": ("a.wav", "a_pair2.wav", "a_pair10.wav"),
        f"{BIRDS}/b.wav": ("b.wav", "y.wav", "z.wav"),
        f"{BIRDS}/c.flac": ("c.flac", "c_pair.flac"),
        f"{BIRDS}/a_pair.wav.wav": ("a_pair.wav.wav",),
    }
    assert {Path(each).parent.as_posix() for item in items.values() for each in item.audio} == {BIRDS}


def test_a_text_is_read_behind_the_instruction(tmp_path: Path) -> None:
    data = instance(tmp_path, BIRDS, {"a.wav": row(text="Hello."), "b.wav": row(text=None), "c.wav": row(text="")})
    said = [entry.item.instruction for entry in read_items(DYNAMIC_SUPERB_1, data).values()]
    assert said == ["Is it speech?\nHello.", "Is it speech?", "Is it speech?"]


def test_a_number_as_label_is_a_text(tmp_path: Path) -> None:
    file = predictions(tmp_path, "Counting_It", {"a.wav": row(label=3, prediction="3")})
    assert figures(scored(file))["Counting_It"] == 1.0


def test_the_responses_of_the_inference_scripts_are_read_too(tmp_path: Path) -> None:
    file = predictions(tmp_path, BIRDS, {"a.wav": row(sllm_response="yes", sllm_name="x")})
    assert figures(scored(file))[BIRDS] == 1.0


def test_an_export_is_scored_like_what_was_read(tmp_path: Path) -> None:
    data = instance(tmp_path / "data", BIRDS, {"a.wav": row(text="Ä"), "b.wav": row(), "c.wav": row()})
    (data / BIRDS / "a_pair2.wav").touch()
    instance(data, "MyOwn_Task", {"a.wav": row()}, metrics=None)
    entries = list(read_items(DYNAMIC_SUPERB_1, data).values())
    said = {f"{BIRDS}/a.wav": "yes", f"{BIRDS}/b.wav": "no", "MyOwn_Task/a.wav": ""}
    written = DYNAMIC_SUPERB_1.export(entries, said)
    for name, text in written.items():
        predictions(tmp_path / "said", Path(name).stem, json.loads(text))
    assert json.loads(written["MyOwn_Task.json"]) == {"a.wav": row(prediction="")}
    assert list(json.loads(written[f"{BIRDS}.json"])) == ["a.wav", "b.wav"]
    again = read_material(DYNAMIC_SUPERB_1, tmp_path / "said", None)
    assert {key: prediction.response for key, prediction in again.predictions.items()} == said
    assert again.items == {entry.item.item_id: entry.item for entry in entries if entry.item.item_id in said}


def test_a_table_of_predictions_is_read_with_the_items(tmp_path: Path) -> None:
    data = instance(tmp_path / "data", BIRDS, {name: row('a "b",\nc') for name in ("a.wav", "b.wav", "c.wav")})
    file = tmp_path / f"{BIRDS}.csv"
    file.write_text('\ufefffile_name,more,prediction\n/my/a.wav,x,"a ""b"",\nc"\n\nb.wav,x,\n', encoding="utf-8")
    result = scored(file, data)
    assert figures(result)[BIRDS] == pytest.approx(1 / 3)
    assert result.missing == (f"{BIRDS}/c.wav",)
    with pytest.raises(ConfigurationError, match="name the benchmark's files with --data"):
        scored(file)


def test_the_line_ends_of_a_response_in_a_table_are_kept(tmp_path: Path) -> None:
    data = instance(tmp_path / "data", BIRDS, {"a.wav": row("a\r\nb")})
    file = tmp_path / f"{BIRDS}.csv"
    file.write_bytes(b'file_name,prediction\r\na.wav,"A\r\nB"\r\n')
    assert figures(scored(file, data))[BIRDS] == 1.0


def test_a_folder_of_tables_is_scored_as_one(tmp_path: Path) -> None:
    for name, response in ((BIRDS, "yes"), ("SarcasmDetection_Mustard", "no")):
        instance(tmp_path / "data", name, {"a.wav": row()})
        (tmp_path / f"{name}.csv").write_text(f"file_name,prediction\na.wav,{response}\n")
    found = figures(scored(tmp_path, tmp_path / "data"))
    assert (found[BIRDS], found["SarcasmDetection_Mustard"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "line 1: no column 'file_name'; it has none"),
        ("file_name,response\n", "line 1: no column 'prediction'; it has file_name, response"),
        ("file_name,prediction\na.wav\n", "line 2: want 2 fields"),
        ("file_name,prediction\na.wav,yes\na.wav,Yes, it is\n", "line 3: want 2 fields"),
        ("file_name,prediction\na.wav,x\n\na.wav,y\n", "line 4: the file name 'a.wav' is there twice"),
        ("file_name,prediction\na.wav,x\nb/a.wav,y\n", "line 3: the file name 'a.wav' is there twice"),
        ("file_name,prediction\n,y\n", "line 2: the file name '' is empty"),
        ('file_name,prediction\na.wav,"x', "cannot be read as CSV"),
        (b"file_name,prediction\na.wav,\xff\n", "cannot be read as CSV"),
        ("file_name,prediction\nz.wav,yes\n", f"item '{BIRDS}/z.wav' is not among the 1"),
    ],
)
def test_a_malformed_table_is_one_line(tmp_path: Path, content: str | bytes, line: str) -> None:
    data = instance(tmp_path / "data", BIRDS, {"a.wav": row()})
    file = tmp_path / f"{BIRDS}.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SourceError, match=re.escape(line)) as caught:
        scored(file, data)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "is empty"),
        ("{", "no JSON"),
        ({"a.wav": 3}, "'a.wav': want an object, got 3"),
        ({"a.wav": row(label=..., prediction="x")}, "'a.wav': no 'label'"),
        ({"a.wav": row(label=" ", prediction="x")}, "'a.wav': 'label' is empty"),
        ({"a.wav": row(label=True, prediction="x")}, "'a.wav': 'label' is no text but True"),
        ({"a.wav": row(instruction=..., prediction="x")}, "'a.wav': no 'instruction'"),
        ({"a.wav": row(prediction=["x"])}, "'a.wav': 'prediction' is no text but ['x']"),
        ({"a.wav": row(prediction="x", metrics="accuracy")}, "'a.wav': 'metrics' is no list of texts"),
        ({"a.wav": row(prediction="x", metrics=["wer"])}, "'a.wav': its instance is marked by wer, not accuracy"),
        ([row(prediction="x")], "row 1: has no key"),
        (
            {"a.wav": row(prediction="x"), "b/a.wav": row(prediction="x")},
            "'b/a.wav': item 'predictions/a.wav' is there",
        ),
    ],
)
def test_a_malformed_prediction_file_is_one_line(tmp_path: Path, content: Any, line: str) -> None:
    file = tmp_path / "predictions.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SourceError, match=re.escape(line)) as caught:
        scored(file)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [([], "want an object, got list"), ({"metrics": "wer"}, "'metrics' is no list of texts"), ("{", "no JSON")],
)
def test_a_malformed_instance_is_one_line(tmp_path: Path, content: Any, line: str) -> None:
    file = instance(tmp_path, BIRDS, {"a.wav": row()}) / BIRDS / "instance.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(SourceError, match=re.escape(f"{file}: {line}")):
        read_items(DYNAMIC_SUPERB_1, tmp_path)


def test_a_folder_without_instances_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="name the folder that holds the instances' folders"):
        read_items(DYNAMIC_SUPERB_1, tmp_path)


def test_two_results_are_compared_on_instances_and_means(tmp_path: Path) -> None:
    ours = predictions(tmp_path / "ours", BIRDS, {name: row(prediction="yes") for name in ("a.wav", "b.wav")})
    theirs = predictions(tmp_path / "theirs", BIRDS, {name: row(prediction="no") for name in ("a.wav", "b.wav")})
    changes = compare(DYNAMIC_SUPERB_1, scored(ours), scored(theirs))
    assert [(change.name, change.value, change.better) for change in changes] == [
        (BIRDS, 1.0, True),
        ("audio (1 of 7)", 1.0, True),
        ("average (1 of 55)", 1.0, True),
    ]
