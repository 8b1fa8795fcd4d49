"""What a person finds on the page: counts, charts, and samples that can be heard; the page of a small validation."""

import base64
from html.parser import HTMLParser

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.contracts.records import Sample, SampleRefusal
from components.core.home import Home
from components.core.models.store import StoredModel
from tests.builders import make_sample
from tests.components.validate_data.making import BELL, DOG, validate, write_inputs

CUT_OFF = "Nobody will ever hear how this"


class Page(HTMLParser):
    """The texts of a page, its audio, and what was opened and never closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.audio: list[bytes] = []
        self.charts = 0
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "br", "hr"}:
            self.open.append(tag)
        if tag == "audio":
            self.audio.append(base64.b64decode(str(dict(attrs)["src"]).removeprefix("data:audio/flac;base64,")))
        self.charts += tag == "figure"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag, attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(" ".join(data.split()))


@pytest.fixture(scope="module")
def result(llm: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Thirty good answers about a dog and one that was cut off; the bell has none."""
    home = Home(tmp_path_factory.mktemp("page"))
    good = [_sample(n, f"Dog number {n} barks.") for n in range(30)]
    inputs = write_inputs(home.root, [*good, _sample(30, CUT_OFF, finish_reason="length")], [DOG, BELL])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTA_HOME", str(home.root / "home"))
        patch.setenv("DESTA_MODELS", str(llm.folder.parent))
        return validate(inputs, home, "--thresholds", "rules.corpus.typo.max_compression=4")


def _sample(number: int, response: str, **changes: str) -> Sample:
    values = {"clip_id": DOG.clip_id, "prompt": f"What is it, {number}?", "response": response, **changes}
    return make_sample(**values, prompt_id="sound-role_play-001", response_tokens=number)


@pytest.fixture(scope="module")
def page(result: Artifact) -> Page:
    """The page, taken apart."""
    return Page((result.folder / "data_docs" / "index.html").read_text(encoding="utf-8"))


def test_every_tag_is_closed(page: Page) -> None:
    assert page.open == []


def test_twenty_accepted_samples_and_one_of_each_reason_can_be_heard(page: Page) -> None:
    assert page.audio == [DOG.audio.bytes] * 21
    answers = [text for text in page.texts if text.startswith("Dog number") or text == CUT_OFF]
    assert len(set(answers)) == len(answers) == 21
    assert answers[-1] == CUT_OFF
    assert page.texts[page.texts.index(CUT_OFF) :].count("the generation ended by 'length', want 'stop'") >= 1


def test_samples_are_counted_by_reason_corpus_domain_and_category(page: Page) -> None:
    assert "30 of 31 samples accepted" in page.texts
    for name in ("test", "sound", "role_play"):
        row = page.texts[page.texts.index(name) :]
        assert [text for text in row if text][1:4] == ["31", "97 %", "1 cut_off"]
    reason = page.texts[page.texts.index(SampleRefusal.CUT_OFF) :]
    assert [text for text in reason if text][1:3] == ["1", "3 %"]
    assert page.charts == 3


def test_warnings_policy_and_the_lack_of_a_baseline_are_told(page: Page) -> None:
    assert "Warning: the policy has thresholds for typo, which no clip is of" in page.texts
    assert "Warning: no sample was accepted for validation/sound" in page.texts
    assert "No samples were accepted before these in this store." in page.texts
    assert any("version: 1+changed" in text for text in page.texts)


def test_what_was_warned_of_is_a_fact(result: Artifact) -> None:
    assert result.manifest.facts["warnings"] == [
        "no sample was accepted for validation/sound",
        "the policy has thresholds for typo, which no clip is of",
    ]
