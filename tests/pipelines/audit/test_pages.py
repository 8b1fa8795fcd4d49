"""The auditors' pages without a browser: what they say, in three forms, and what hostile questions come to."""

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from components.core.contracts.records import Sample, Split
from pipelines.audit.app import LONGEST, make_app
from pipelines.audit.desk import RecordsDesk
from pipelines.audit.serving import hosts_of
from pipelines.journal import Event, journal_file, record_event
from tests.pipelines.lineage.making import (
    ACCEPTED,
    ANNA,
    HELD_OUT,
    REFUSED,
    RUN,
    Made,
    Writer,
    about,
    clip_of,
    make_home,
)

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "' OR '1'='1",
    "'; DROP TABLE x; --",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "{{ 7 * 7 }}",
    "{% include '/etc/passwd' %}",
    "*",
    "?[a-z]*",
    "%",
    "\u202e\u0000x",
    "\ud83d",
    "\r\nSet-Cookie: a=b",
    "\U0001d552" * LONGEST,
    "a" * 60_000,
)


@pytest.fixture
def made(tmp_path: Any) -> Made:
    return make_home(tmp_path)


@pytest.fixture
def ask(made: Made) -> Iterator[TestClient]:
    app = make_app(RecordsDesk(made.home, made.checkout), made.home, ["testserver"])
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The pages of a home that nobody changes."""
    made = make_home(tmp_path_factory.mktemp("steady"))
    app = make_app(RecordsDesk(made.home, made.checkout), made.home, ["testserver"])
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def text_of(page: str) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", page))


def view(ask: TestClient, path: str, **asked: str) -> Any:
    answer = ask.get(path, params={**asked, "as": "json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def facts(page: Any, number: int = 0) -> dict[str, str]:
    return {fact["name"]: fact["value"]["text"] for fact in page["sections"][number]["facts"]}


def rows(page: Any, title: str) -> list[list[str]]:
    (table,) = (table for table in page["tables"] if table["title"] == title)
    return [[cell["text"] for cell in row] for row in table["rows"]]


def test_a_sample_is_told_of_from_its_file_to_its_model(ask: TestClient, made: Made) -> None:
    page = view(ask, f"/why/{ACCEPTED[0].sample_id}")
    kinds = [section["title"].split()[0] for section in page["sections"]]
    assert kinds[0] == "sample"
    assert {"file", "clip", "description", "prompt", "generator", "verdict", "dataset", "model", "evaluation"} <= {
        *kinds
    }
    assert (page["audio"], page["state"][:5]) == (ANNA.clip_id, "Whole")
    assert made.digests["model"] in {node["label"] for node in page["graph"]["nodes"]}
    texts = {text["name"]: text["text"] for text in page["sections"][0]["texts"]}
    assert texts == {"question": ACCEPTED[0].prompt, "answer": ACCEPTED[0].response}


def test_a_refused_sample_says_why(ask: TestClient) -> None:
    said = text_of(ask.get(f"/why/{REFUSED[0].sample_id}").text)
    assert "cut_off" in said
    assert "in a word" in said


def test_the_clip_of_a_page_is_the_flac_of_the_record(ask: TestClient) -> None:
    answer = ask.get(f"/audio/{ANNA.clip_id}.flac")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/flac")
    assert answer.content == ANNA.audio.bytes


@pytest.mark.parametrize("clip", ["0" * 64, ANNA.clip_id[:-1], "x", "..", "%2e%2e%2fhome"])
def test_a_clip_that_is_not_there_is_not_found(steady: TestClient, clip: str) -> None:
    assert steady.get(f"/audio/{clip}.flac").status_code == 404


def test_a_model_tells_its_data_by_corpus_and_licence(ask: TestClient, made: Made) -> None:
    page = view(ask, f"/why/{made.digests['model']}")
    counted = rows(page, f"What is in {made.digests['accepted'][:12]}")
    assert ["farm", "CC0-1.0", "sound", "train", "2", "1"] in counted
    assert sum(int(row[4]) for row in counted) == len(ACCEPTED)
    assert rows(page, "Verification") == [[RUN, "it left none", "compute every digest again"]]


def test_the_search_finds_speakers_words_prompts_and_ids(ask: TestClient) -> None:
    assert rows(view(ask, "/search", q="ANNA"), "Clips")[0][1] == "speaker anna"
    assert {row[0] for row in rows(view(ask, "/search", q="how LOUD"), "Samples")} == {ACCEPTED[1].sample_id}
    assert rows(view(ask, "/search", q="sound-descriptive-002"), "Samples")[0][0] == ACCEPTED[1].sample_id
    assert rows(view(ask, "/search", q=HELD_OUT.clip_id[:12]), "By its id") == [["clip", HELD_OUT.clip_id]]
    assert rows(view(ask, "/search", q=HELD_OUT.clip_id), "By its id") == [["clip", HELD_OUT.clip_id]]
    assert view(ask, "/search", q="100 %_\\")["state"] == "Nothing here has these words."


def test_the_impact_of_a_speaker_counts_also_the_segments_she_speaks_in(ask: TestClient) -> None:
    page = view(ask, "/impact", by="speaker", value="anna")
    assert (facts(page)["clips"], facts(page)["samples"]) == ("2", "3")


def test_every_view_is_the_same_as_a_page_as_json_and_as_csv(ask: TestClient) -> None:
    page = view(ask, "/results")
    lines = list(csv.reader(io.StringIO(ask.get("/results", params={"as": "csv"}).text)))
    listed = rows(page, "Finished results")
    assert [line[1:] for line in lines if len(line) == 7][1:] == listed
    said = " ".join(text_of(ask.get("/results").text).split())
    assert all(cell in said for row in listed for cell in row)
    assert ask.get("/results", params={"as": "xml"}).status_code == 404


def test_a_spreadsheet_takes_no_words_for_a_formula(tmp_path: Any) -> None:
    made = make_home(tmp_path)
    sample = about(clip_of(700.0, "eve", Split.TRAIN), prompt='=HYPERLINK("x")', response="-1")
    Writer(made.home, made.digests)("self_generate", (sample,), Sample)
    with TestClient(make_app(RecordsDesk(made.home, made.checkout), made.home, ["testserver"])) as ask:
        told = ask.get(f"/why/{sample.sample_id}", params={"as": "csv"}).text
    cells = [cell for line in csv.reader(io.StringIO(told)) for cell in line]
    assert '\'=HYPERLINK("x")' in cells
    assert "-1" in cells


def test_the_journal_is_shown_and_a_damaged_one_is_said_to_be(ask: TestClient, made: Made) -> None:
    record_event(made.home, Event.RUN_STARTED, {"run_id": "<b>r</b>"})
    page = view(ask, "/log")
    assert (page["bad"], rows(page, "Entries")[0][2]) == (False, "run_started")
    assert "<b>r</b>" not in ask.get("/log").text
    journal_file(made.home).write_bytes(journal_file(made.home).read_bytes().replace(b"run_started", b"erased"))
    assert view(ask, "/log")["bad"]
    assert "damaged" in text_of(ask.get("/").text)


def test_a_result_that_is_gone_is_said_to_be_missing(ask: TestClient, made: Made) -> None:
    shutil.rmtree(made.home.store / "extract_metadata")
    page = view(ask, f"/why/{ACCEPTED[0].sample_id}")
    assert page["bad"]
    assert "steps are not in this home" in page["state"]
    assert any(section["missing"] for section in page["sections"])


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("where", ["/search?q=", "/why/", "/verify/", "/audio/", "/impact?by=speaker&value=", "/"])
def test_hostile_words_are_answered_with_a_page_that_shows_them_as_text(
    steady: TestClient, where: str, words: str
) -> None:
    answer = steady.get(where + quote(words, safe="", errors="surrogatepass"))
    assert answer.status_code in {200, 404}, answer.text
    for raw in ("<script>alert", "<img src=x", "root:"):
        assert raw not in answer.text
    assert "set-cookie" not in answer.headers
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", answer.text, re.DOTALL)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_written(steady: TestClient, method: str) -> None:
    assert getattr(steady, method)("/erasure?kind=speaker&name=anna").status_code == 405


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_another_name_for_this_machine_is_refused(made: Made, host: str) -> None:
    app = make_app(RecordsDesk(made.home, made.checkout), made.home, hosts_of("127.0.0.1"))
    with TestClient(app, base_url="http://127.0.0.1:5100") as ask:
        assert ask.get("/").status_code == 200
        assert ask.get("/", headers={"host": host}).status_code == 400


def test_every_answer_forbids_what_is_from_elsewhere(ask: TestClient) -> None:
    for path in ("/", "/nothing", "/static/audit.js", f"/audio/{ANNA.clip_id}.flac"):
        headers = ask.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"


def test_looking_makes_nothing(made: Made, ask: TestClient) -> None:
    before = sorted(path for path in made.home.root.rglob("*"))
    for path in ("/", "/results", "/models", "/log", "/search?q=anna", f"/why/{ANNA.clip_id}"):
        assert ask.get(path).status_code == 200
    assert sorted(path for path in made.home.root.rglob("*")) == before
    assert json.loads(ask.get("/models?as=json").text)["tables"][0]["rows"] == []
