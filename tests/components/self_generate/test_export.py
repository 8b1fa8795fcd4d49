import json
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Counts, Draft
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Message, Sample
from components.self_generate.export import main, upstream_row
from tests.builders import make_sample
from tests.components.self_generate.making import LINEAGE


def test_exported_lines_are_what_upstream_trains_on(tmp_path: Path) -> None:
    silent, spoken = make_sample(), make_sample(transcript="Hallo, wie geht's? Schön!", prompt="Who speaks?")
    draft = Draft(tmp_path / "samples")
    draft.folder.mkdir()
    draft.write([silent, spoken], Sample)
    draft.close(kind="samples", counts=Counts(rows_in=2, rows_out=2, refused={}), facts={}, lineage=LINEAGE)

    main(["--samples", str(tmp_path / "samples"), "--jsonl", str(tmp_path / "train.jsonl")])

    first, second = map(json.loads, (tmp_path / "train.jsonl").read_text("utf-8").splitlines())
    system, user = first["messages"]
    assert set(first) == {"id", "messages", "response"}
    assert (first["id"], first["response"]) == (silent.sample_id, silent.response)
    assert (system["role"], user["role"]) == ("system", "user")
    assert "audios" not in system
    assert user["content"].count("<start_audio><|AUDIO|><end_audio>") == len(user["audios"]) == 1
    assert user["audios"] == [{"audio": f"{silent.clip_id}.flac", "text": " "}]
    assert second["messages"][1]["audios"][0]["text"] == "Hallo, wie geht's? Schön!"


@pytest.mark.parametrize("content", ["What do you hear?", "<|AUDIO|> or <|AUDIO|>?"])
def test_conversation_without_exactly_one_clip_is_refused(content: str) -> None:
    sample = make_sample(messages=(Message(role="user", content=content),))
    with pytest.raises(ContractError, match=sample.sample_id):
        upstream_row(sample)
