"""What changed since the samples accepted before: the sums, and which earlier result they are held against."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.home import Home
from components.validate_data.drift import changes_of, latest_accepted, total_variation
from components.validate_data.policy import POLICIES
from tests.builders import make_sample
from tests.components.validate_data.making import DOG, SONG, refuse, validate, write_inputs

pytestmark = pytest.mark.usefixtures("llm")
LIMITS = POLICIES.standard().drift


def facts(**changes: Any) -> dict[str, Any]:
    shares = {"corpus": {"a": 50, "b": 50}, "domain": {"sound": 100}, "category": {"role_play": 100}}
    return {"acceptance": 0.8, "nll_per_token": 1.0, "tokens_per_answer": 20.0, "shares": shares, **changes}


def warnings(now: dict[str, Any]) -> list[str]:
    return [str(change) for change in changes_of(facts(), now, LIMITS) if change.beyond]


def test_alike_data_have_no_drift() -> None:
    assert warnings(facts()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"acceptance": 0.6}, "acceptance changed by 0.20 (at most 0.1): 0.80 → 0.60"),
        ({"nll_per_token": 1.4}, "nats a token changed by 0.40 (at most 0.3): 1.00 → 1.40"),
        ({"tokens_per_answer": 12.0}, "tokens an answer changed by 0.40 (at most 0.25): 20.0 → 12.0"),
    ],
)
def test_a_figure_that_moved_too_far_is_named_with_both_values(change: dict[str, float], said: str) -> None:
    assert warnings(facts(**change)) == [said]


def test_shares_that_moved_are_named_with_the_largest() -> None:
    now = facts(shares={"corpus": {"b": 10, "c": 10}, "domain": {"sound": 20}, "category": {"role_play": 20}})
    assert warnings(now) == ["corpus shares changed by 0.50 (at most 0.2): a 50%, b 50% → b 50%, c 50%"]


def test_likelihoods_that_nobody_gave_are_not_compared() -> None:
    assert warnings(facts(nll_per_token=None)) == []


@pytest.mark.parametrize(
    ("before", "now", "distance"),
    [({"a": 1}, {"a": 9}, 0.0), ({"a": 1}, {"b": 1}, 1.0), ({"a": 1, "b": 1}, {"a": 3, "b": 1}, 0.25), ({}, {}, 0.0)],
)
def test_total_variation_is_the_share_that_would_have_to_move(
    before: dict[str, int], now: dict[str, int], distance: float
) -> None:
    assert total_variation(before, now) == distance


def accepted(home: Home, name: str, clip: Any, *settings: str, passes: bool = True) -> Artifact:
    sample = make_sample(clip_id=clip.clip_id, domain=clip.domain, prompt=f"What is it, {name}?")
    return (validate if passes else refuse)(write_inputs(home.root / name, [sample], [clip]), home, *settings)


def test_the_page_compares_with_the_last_result_that_passed_and_the_digest_does_not_know(
    home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = home.store / "validate_data"
    assert latest_accepted(results) is None
    first = accepted(home, "first", DOG).digest
    accepted(home, "refused", SONG, "--thresholds", "gates.max_nll=0.1", passes=False)
    second = accepted(home, "second", SONG)
    drift = json.loads((second.folder / "data_docs" / "drift.json").read_text())
    assert drift["baseline"] == first
    assert [line.partition(":")[0] for line in drift["warnings"]] == ["domain shares changed by 1.00 (at most 0.2)"]
    assert "since the samples accepted before, domain shares changed by 1.00" in capsys.readouterr().err

    (results / second.manifest.lineage.key / "manifest.json").write_text("{}")
    before = latest_accepted(results)
    assert before is not None
    assert before.digest == first

    alone = Home(tmp_path / "alone")
    monkeypatch.setenv("DESTA_HOME", str(alone.root))
    assert accepted(alone, "second", SONG).digest == second.digest
