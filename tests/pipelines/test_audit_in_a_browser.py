"""The auditors' pages in a real browser, on the home of the one smoke run."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import ConsoleMessage, Dialog, Page, Request, expect

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import Clip, Sample, Split
from tests.browser import opened_browser
from tests.desta_command import Desta

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def address(undisturbed: tuple[Desta, Any]) -> Iterator[str]:
    """Where the pages are served by the command itself."""
    process = undisturbed[0].start("audit", "--port", "0")
    assert process.stderr
    line = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line
    yield found[0]
    process.terminate()
    process.communicate()


@pytest.fixture(scope="module")
def tab() -> Iterator[Page]:
    with opened_browser() as browser:
        yield browser.new_page(viewport={"width": 1280, "height": 900})


@pytest.fixture
def page(tab: Page, address: str) -> Iterator[Page]:
    """A page of which nothing may fail, complain, or look elsewhere."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def close(dialog: Dialog) -> None:
        complaints.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def follow(request: Request) -> None:
        if not request.url.startswith((address, "data:")):
            complaints.append(request.url)

    tab.on("console", hear)
    tab.on("dialog", close)
    tab.on("request", follow)
    tab.goto(address)
    yield tab
    assert complaints == []


@pytest.fixture(scope="module")
def samples(undisturbed: tuple[Desta, Any]) -> list[Sample]:
    return read(undisturbed[1], "validate_data", "accepted", Sample)


def read(status: Any, stage: str, kind: str, record: Any) -> list[Any]:
    return list(open_artifact(Path(status["stages"][stage]["outputs"][kind]["path"]), kind).read(record))


def test_a_sample_is_found_by_keys_alone_and_its_clip_plays(
    page: Page, samples: list[Sample], undisturbed: tuple[Desta, Any]
) -> None:
    sample = samples[0]
    page.keyboard.press("/")
    page.keyboard.type(sample.sample_id[:16])
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=*")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/why/{sample.sample_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text(sample.sample_id)
    for text in (sample.prompt, sample.response, sample.seed_description):
        expect(page.locator("blockquote").filter(has_text=text).first).to_be_visible()

    clips = {clip.clip_id: clip for clip in read(undisturbed[1], "ingest_audio", "clips", Clip)}
    heard = page.locator("audio").evaluate(
        "async (a) => { a.muted = true; await a.play(); await new Promise((r) => a.ontimeupdate = r);"
        " return [a.duration, a.currentTime] }"
    )
    assert heard[0] == pytest.approx(clips[sample.clip_id].duration_s, abs=0.05)
    assert heard[1] > 0


def test_the_graph_leads_from_a_sample_to_the_model_that_learned_from_it(
    page: Page, address: str, samples: list[Sample], undisturbed: tuple[Desta, Any]
) -> None:
    trained = next(sample for sample in samples if sample.split is Split.TRAIN)
    model = undisturbed[1]["stages"]["train_model"]["outputs"]["model"]["digest"]
    page.goto(f"{address}/why/{trained.sample_id}")
    expect(page.get_by_text("learned from it", exact=True)).to_be_visible()
    page.locator("svg a", has_text="model").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(model)


def test_the_page_of_a_model_tells_its_data_licences_figures_and_verifies_it(
    page: Page, address: str, undisturbed: tuple[Desta, Any], samples: list[Sample]
) -> None:
    status = undisturbed[1]
    clips = {clip.clip_id: clip for clip in read(status, "ingest_audio", "clips", Clip)}
    page.goto(f"{address}/why/desta-adapter@{status['model']['version']}")
    for licence in {clips[sample.clip_id].licence for sample in samples}:
        expect(page.get_by_role("cell", name=licence, exact=True).first).to_be_visible()
    expect(page.get_by_text(str(status["metrics"]["audio_gain"])).first).to_be_visible()
    page.get_by_role("link", name="compute every digest again").first.click()
    expect(page.get_by_role("status")).to_have_text(f"Run {status['run_id']} is what it recorded, to the byte")


def test_the_impact_of_a_speaker_is_asked_in_a_form(page: Page, undisturbed: tuple[Desta, Any]) -> None:
    clips = read(undisturbed[1], "ingest_audio", "clips", Clip)
    speaker = next(clip.speaker_id for clip in clips if clip.speaker_id)
    page.get_by_role("link", name="Impact").click()
    page.get_by_label("which").fill(speaker)
    page.get_by_role("button", name="Look").click()
    said = page.locator("dt:text-is('clips') + dd")
    expect(said).to_have_text(str(sum(clip.speaker_id == speaker for clip in clips)))


def test_a_page_is_handed_out_as_it_is_shown(page: Page, address: str) -> None:
    page.goto(f"{address}/results")
    shown = page.locator("tbody tr").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="JSON").click()
    view = json.loads(Path(download.value.path()).read_text())
    assert ["\t".join(cell["text"] for cell in row) for row in view["tables"][0]["rows"]] == shown
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    lines = list(csv.reader(io.StringIO(Path(download.value.path()).read_text())))
    assert ["\t".join(line[1:]) for line in lines if len(line) > 3][1:] == shown


@pytest.mark.parametrize(
    "where", ["/", "/results", "/models", "/impact", "/erasure", "/log", "/search?q=the", "/why/desta-adapter@1"]
)
def test_no_page_is_wider_than_a_phone_or_without_a_name_for_a_field(page: Page, address: str, where: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address + where)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    unnamed = page.locator("input, select").evaluate_all("(all) => all.filter((each) => !each.labels.length).length")
    assert unnamed == 0
    page.set_viewport_size({"width": 1280, "height": 900})


def test_on_paper_there_is_the_content_and_nothing_to_click(page: Page, address: str, samples: list[Sample]) -> None:
    page.goto(f"{address}/why/{samples[0].sample_id}")
    page.emulate_media(media="print")
    expect(page.locator("header.top")).to_be_hidden()
    expect(page.locator("audio")).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert page.pdf().startswith(b"%PDF")
    page.emulate_media(media="screen")


@pytest.mark.parametrize(
    "words", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}", "' OR 1=1 --"]
)
def test_hostile_words_are_shown_as_they_are(page: Page, words: str) -> None:
    page.get_by_label("Search").fill(words)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"“{words}”")
    expect(page.get_by_role("status")).to_have_text("Nothing here has these words.")
