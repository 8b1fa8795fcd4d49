"""What a person finds on the page of an evaluation, and what is read back from a finished report; all made by hand."""

import base64
import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact, Counts, Draft, Lineage, open_artifact
from components.core.contracts.errors import ContractError
from components.core.contracts.records import Answer, Clip, Domain, Split
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, unique
from components.evaluate_model.benchmarks.comparison import Difference
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE, rows_about
from components.evaluate_model.benchmarks.desta_text import DESTA_TEXT
from components.evaluate_model.benchmarks.records import Prediction
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.scoring import Material, Result, score
from components.evaluate_model.confusion import MOST_ANSWERS, confusions
from components.evaluate_model.findings import Findings, read_findings
from components.evaluate_model.page import write_page
from components.evaluate_model.regression import Comparison
from components.evaluate_model.report import Report, figures_of_answers, figures_of_sample, figures_of_text
from components.evaluate_model.scores import groups_of, score_answers
from components.evaluate_model.settings import EvaluateModelSettings
from tests.builders import make_clip, make_source, make_tone

HOSTILE = """</dd><script src="http://evil.example/x.js">alert('1' & "2")</script>"""
SETTINGS = EvaluateModelSettings(resamples=100, questions=9)
REFUSED = f"minimum.audio_gain.above: audio_gain is 0.000 {HOSTILE}"


class Page(HTMLParser):
    """The texts of a page, its tables as rows, its audio, what it links to, and what was opened and never closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.words = ""
        self.rows: list[list[str]] = []
        self.audio: list[bytes] = []
        self.labels: list[str] = []
        self.links: list[str] = []
        self.targets: set[str] = set()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in {"meta", "br", "hr"}:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        self._attributes(tag, {name: value or "" for name, value in attrs})

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(tag, {name: value or "" for name, value in attrs})

    def _attributes(self, tag: str, values: Mapping[str, str]) -> None:
        if tag == "audio":
            self.audio.append(base64.b64decode(values["src"].removeprefix("data:audio/flac;base64,"), validate=True))
        self.links += [values[name] for name in ("src", "href", "action", "poster") if name in values]
        self.targets |= {values["id"]} if "id" in values else set()
        self.labels += [values["aria-label"]] if "aria-label" in values else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words = " ".join(f"{self.words} {data}".split())
        if "tr" in self.open and {"td", "th"} & set(self.open):
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())

    def row(self, first: str) -> list[str]:
        """Return the first row that begins with this cell."""
        return next(row for row in self.rows if row[0] == first)


def sound(number: int, event: str, **changes: Any) -> Clip:
    told: dict[str, Any] = {"attributes": {"sound_event": event}, "describable": ("sound_event",)}
    pcm = make_tone(duration_s=0.1, hertz=200.0 + 20 * number)
    return make_clip(pcm=pcm, split=Split.EVALUATION, **{**told, **changes})


CLIPS = [
    *(sound(n, event) for n, event in enumerate(("a dog", "a cat", HOSTILE) * 2)),
    sound(7, "a dog", source=make_source(corpus=HOSTILE)),
    sound(8, "", domain=Domain.SPEECH, attributes={}, describable=(), transcript="One two three.", language="en"),
]


def answer(clip: Clip, number: int, **changes: Any) -> Answer:
    values: dict[str, Any] = {
        "sample_id": f"{number:064x}",
        "clip_id": clip.clip_id,
        "domain": clip.domain,
        "prompt": f"What is it, {number}?",
        "target": f"It is number {number}.",
        "target_tokens": 10,
        "wrong_clip_id": "f" * 64,
        "wrong_domain": Domain.MUSIC,
        "nll_untrained": 20.0,
        "nll_trained": 10.0 + number,
        "nll_wrong_clip": 13.0 + number + number % 3,
        "response_untrained": HOSTILE,
        "response_trained": f"I say {number}.",
        "response_wrong_clip": None,
    }
    return Answer(**{**values, **changes})


def scored(benchmark: Benchmark, entries: Mapping[str, Entry], said: Mapping[str, str]) -> Result:
    predictions = {item_id: Prediction(item_id=item_id, response=response) for item_id, response in said.items()}
    return score(benchmark, Material(entries, predictions), None, post="as-it-is", seed=42, resamples=100)


def asked(benchmark: Benchmark, rows: list[dict[str, Any]]) -> dict[str, Entry]:
    return unique(Entry(row, item) for row in (Row("here", each) for each in rows) for item in benchmark.items_of(row))


def findings(said: Mapping[str, str] | None = None, refusals: tuple[str, ...] = ()) -> Findings:
    """An evaluation whose model says the right answer to all questions, but for those where it says something else."""
    questions = asked(DESTA_SAMPLE, rows_about(CLIPS, seed=1))
    right = {item_id: entry.item.label or "" for item_id, entry in questions.items()}
    systems = {"trained": {**right, **(said or {})}, "untrained": dict.fromkeys(right, ""), "cascade": right}
    on_sample = {name: scored(DESTA_SAMPLE, questions, of) for name, of in {**systems, "described": {**right}}.items()}
    rules = {"instruction_id_list": ["change_case:english_lowercase"], "kwargs": [{}]}
    texts = asked(DESTA_TEXT, [{"key": key, "prompt": f"Write {key} {HOSTILE}", **rules} for key in "abc"])
    on_text = {
        "before": scored(DESTA_TEXT, texts, dict.fromkeys(texts, "small")),
        "after": scored(DESTA_TEXT, texts, {"a": "small", "b": "LARGE", "c": "small"}),
    }
    answers = [answer(clip, number) for number, clip in enumerate(CLIPS)]
    return Findings(
        model="5" * 64,
        report=report_of(answers, on_sample, on_text),
        refusals=refusals,
        settings=SETTINGS,
        answers=answers,
        questions=questions,
        on_sample=on_sample,
        texts=texts,
        on_text=on_text,
    )


def report_of(answers: list[Answer], on_sample: Mapping[str, Result], on_text: Mapping[str, Result]) -> Report:
    pooled = score_answers(answers, resamples=100, seed=42)
    groups = groups_of(answers, {clip.clip_id: clip for clip in CLIPS})
    figures = figures_of_answers(pooled, {Domain.SOUND: pooled})
    if on_sample:
        figures |= figures_of_sample(on_sample) | figures_of_text(on_text)
    return Report(
        figures=figures,
        pooled=pooled,
        domains={Domain.SOUND: pooled},
        groups={name: score_answers(some, resamples=100, seed=42) for name, some in groups.items()},
    )


def closed(folder: Path, kind: str, **of_lineage: Any) -> Artifact:
    """Close a folder whose files are written already."""
    values = {"settings": {}, "inputs": {"model": "5" * 64}, "models": {}, "sources": {}, **of_lineage}
    lineage = Lineage(stage="x", key="1" * 64, code="2" * 64, **values)
    Draft(folder).close(
        kind=kind, counts=Counts(rows_in=0, rows_out=0, refused={}), facts={"refusals": [REFUSED]}, lineage=lineage
    )
    return open_artifact(folder, kind)


def write_report(folder: Path, found: Findings) -> Artifact:
    """Write what the stage writes."""
    folder.mkdir()
    Draft(folder).write(found.answers, Answer)
    (folder / "report.json").write_text(found.report.model_dump_json())
    asked_of = ((DESTA_SAMPLE, found.questions, found.on_sample), (DESTA_TEXT, found.texts, found.on_text))
    for benchmark, entries, results in asked_of:
        for system, result in results.items():
            place = folder / benchmark.name / system
            place.mkdir(parents=True)
            said = {mark.item_id: mark.marked for mark in result.marks}
            for name, text in benchmark.export(list(entries.values()), said).items():
                (place / name).write_text(text)
            (place / "result.json").write_text(result.model_dump_json())
    return closed(folder, "report", settings=found.settings.deciding())


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("clips")
    Draft(folder).write(CLIPS, Clip)
    return closed(folder, "clips")


def wrong_of(found: Findings, count: int) -> dict[str, str]:
    """Answer the first questions about the sound, each of another clip, by another choice."""
    items = [entry.item for entry in found.questions.values() if entry.item.slices["kind"] == "sound event"]
    return {item.item_id: next(each for each in item.choices if each != item.label) for item in items[:count]}


@pytest.fixture(scope="module")
def found() -> Findings:
    right = findings()
    return findings(wrong_of(right, 3), (REFUSED, "minimum.accuracy.at_least: too low"))


@pytest.fixture(scope="module")
def page(found: Findings, clips: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return rendered(tmp_path_factory.mktemp("page"), found, clips)


def rendered(folder: Path, *of: Any) -> Page:
    write_page(folder / "report.html", *of)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def test_every_tag_is_closed_and_there_is_no_script(page: Page) -> None:
    assert page.open == []
    assert not page.tags & {"script", "link", "iframe", "img", "object", "form"}


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    assert all(link.startswith(("#", "data:audio/flac;base64,")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.targets
    assert "default-src 'none'" in page.text
    assert not re.search(r"url\(|@import", page.text)


def test_what_models_corpora_and_policies_say_is_text_and_no_markup(page: Page) -> None:
    assert "<script" not in page.text
    assert HOSTILE in page.words
    assert f"Refused: {REFUSED}" in page.words
    assert page.row(HOSTILE)


def test_the_verdict_comes_first_with_each_line_that_was_missed(page: Page) -> None:
    first = page.words.index("The model does not pass the gate")
    assert first < page.words.index(REFUSED) < page.words.index("accuracy.at_least: too low")
    assert page.words.index("accuracy.at_least: too low") < page.words.index("perplexity of the held-out answers")


def test_a_model_without_refusals_passes(clips: Artifact, tmp_path: Path) -> None:
    page = rendered(tmp_path, findings(), clips)
    assert "The model passes the gate" in page.words
    assert "Refused" not in page.words


def test_key_figures_have_their_intervals(found: Findings, page: Page) -> None:
    gain = found.report.figures["audio_gain"]
    assert page.row("audio gain (nats a token)")[1:3] == [f"{gain.value:+.3f}", f"[{gain.low:+.3f}, {gain.high:+.3f}]"]
    accuracy, above = found.report.figures["accuracy"], found.report.figures["accuracy_over_cascade"]
    share = f"{100 * accuracy.value:.1f} %"
    assert page.row("trained")[1] == f"{found.report.figures['ppl_trained'].value:.2f}"
    assert [row[1] for row in page.rows if row[0] == "trained" and len(row) == 6] == [share]
    (cascade,) = (row for row in page.rows if row[0] == "cascade" and len(row) == 6)
    assert cascade[3] == f"{100 * above.value:+.1f} [{100 * (above.low or 0):+.1f}, {100 * (above.high or 0):+.1f}]"
    assert "2 of 3 answers identical to the byte" in page.words


def test_the_chart_says_in_words_what_it_draws(found: Findings, page: Page) -> None:
    (title,) = re.findall(r"<title id=.accuracy-chart.>(.*?)</title>", page.text)
    accuracy = found.report.figures["accuracy"]
    assert f"trained {100 * accuracy.value:.1f} %" in title
    assert [name for name in ("untrained", "cascade", "described") if name in title] == [*found.on_sample][1:]


def test_groups_are_told_with_their_counts(found: Findings, page: Page) -> None:
    for name, scores in found.report.groups.items():
        row = page.row(name.partition(": ")[2] or name.removeprefix("wrong clip "))
        assert row[1:3] == [str(scores.audio_gain.samples), str(scores.audio_gain.clips)]
    assert "word errors by language" in page.words


def test_the_confusion_counts_each_question_once(found: Findings, page: Page) -> None:
    (domain, event) = confusions(found.questions, found.on_sample["trained"])
    assert (domain.kind, event.kind) == ("domain", "sound event")
    assert sum(cell.chosen for line in event.lines for cell in line.cells) == event.questions == 7
    for line in (*domain.lines, *event.lines):
        hits = next(cell for cell in line.cells if cell.answer == line.answer)
        assert hits.offered == line.questions
        shown = [str(cell.chosen) if cell.offered else "·" for cell in line.cells]
        assert [line.answer, *shown, str(line.questions)] in page.rows
    missed = sum(line.questions for line in (*domain.lines, *event.lines)) - sum(
        cell.chosen for line in (*domain.lines, *event.lines) for cell in line.cells if cell.answer == line.answer
    )
    assert missed == 3


def test_of_many_answers_the_most_frequent_have_a_column_and_the_rest_is_said(clips: Artifact, tmp_path: Path) -> None:
    questions = asked(DESTA_SAMPLE, rows_about([sound(n, f"thing {n % 20}") for n in range(21)], seed=1))
    result = scored(DESTA_SAMPLE, questions, {k: e.item.choices[0] for k, e in questions.items()})
    (table,) = confusions(questions, result)
    assert len(table.names) == len(table.lines) == MOST_ANSWERS
    assert table.names[0] == "thing 0"
    assert (table.answers, table.questions) == (20, 21)
    for line in table.lines:
        assert sum(cell.chosen for cell in line.cells) + line.another + line.none == line.questions

    some = findings()
    on_sample = dict.fromkeys(some.on_sample, result)
    page = rendered(tmp_path, Findings(**{**vars(some), "questions": questions, "on_sample": on_sample}), clips)
    assert "The 12 most frequent of 20 right answers, with 13 of 21 questions." in page.words


def test_an_answer_that_is_never_right_has_a_column_when_it_was_chosen() -> None:
    questions = asked(DESTA_SAMPLE, [row for row in rows_about(CLIPS, seed=1) if row["answer"] in ("a dog", "a cat")])
    said = {key: HOSTILE if HOSTILE in entry.item.choices else "I cannot tell" for key, entry in questions.items()}
    (table,) = confusions(questions, scored(DESTA_SAMPLE, questions, said))
    assert table.names == ("a dog", "a cat", HOSTILE)
    assert sum(line.cells[2].chosen + line.none for line in table.lines) == table.questions


def test_examples_can_be_heard_each_clip_once(page: Page) -> None:
    assert sorted(page.audio) == sorted({clip.audio.bytes for clip in CLIPS})
    assert page.links.count("#figures") == 1
    assert "The clip is above." in page.words


def test_the_worst_come_first_with_what_each_said(found: Findings, page: Page) -> None:
    worst = page.words[page.words.index("Held-out answers that training helped least") :]
    places = [worst.index(f"What is it, {number}?") for number in (7, 6, 5)]
    assert places == sorted(places)
    assert "speech · -0.30 nats a token by training" in worst
    assert "I say 7. target: 1.70 nats a token" in worst
    assert "was not asked to write target: 2.10 nats a token" in worst
    wrong = worst[worst.index("Wrong choices") : worst.index("Questions drawn by chance")]
    for item_id, choice in wrong_of(found, 3).items():
        assert found.questions[item_id].item.instruction in wrong
        assert (
            f"trained {choice} wrong untrained nothing wrong cascade {found.questions[item_id].item.label} right"
            in wrong
        )


def test_the_policy_and_the_settings_are_there(page: Page) -> None:
    assert "perplexity_drop: at_least: 0.2" in page.words
    assert page.row("resamples") == ["resamples", "100"]


def test_without_questions_the_page_says_so(clips: Artifact, tmp_path: Path) -> None:
    none: dict[str, Any] = {"questions": {}, "on_sample": {}, "texts": {}, "on_text": {}}
    some = findings()
    none["report"] = report_of(list(some.answers), {}, {})
    page = rendered(tmp_path, Findings(**{**vars(some), **none}), clips)
    assert page.words.count("No question about a clip was asked.") == 2
    assert page.open == []


def test_beside_the_champion_differences_and_other_choices_are_shown(clips: Artifact, tmp_path: Path) -> None:
    def differs(name: str, value: float, **how: bool) -> Difference:
        return Difference(
            name=name, value=value, low=value - 0.1, high=value + 0.1, **{"better": False, "worse": False, **how}
        )

    theirs = findings()
    ours = findings(wrong_of(theirs, 2))
    beside = Comparison(
        champion=HOSTILE,
        shared={"held-out answers": 8, "desta-sample": 15},
        differences=(
            differs("loss", 0.3, worse=True),
            differs("accuracy", 0.2, better=True),
            differs("word_errors", 0.0),
            differs("corpus: test", -0.4, worse=True),
        ),
        refusals=("regression.loss: worse",),
    )
    page = rendered(tmp_path, ours, clips, beside, theirs)
    assert f"{HOSTILE} stays: regression.loss: worse" in page.words
    assert page.row("loss")[1:] == ["+0.300", "[+0.200, +0.400]", "", "worse"]
    assert page.row("accuracy")[4] == "better"
    assert page.row("word_errors")[4] == "no clear difference"
    assert page.row("corpus: test")[4] == "worse"
    assert "held-out answers: 8, desta-sample: 15" in page.words
    assert "chose differently in 2: 0 that only this model has right, 2 that only the champion has right" in page.words
    for item_id, choice in wrong_of(theirs, 2).items():
        right = ours.questions[item_id].item.label
        assert f"this model {choice} wrong {HOSTILE} {right} right" in page.words
    assert "<script" not in page.text


def test_a_finished_report_is_read_back_and_gives_the_same_page(
    found: Findings, page: Page, clips: Artifact, tmp_path: Path
) -> None:
    read = read_findings(write_report(tmp_path / "report", found))
    assert read.refusals == (REFUSED,)
    assert read.report == found.report
    assert read.settings == found.settings
    assert list(read.answers) == list(found.answers)
    assert (read.on_sample, read.on_text) == (found.on_sample, found.on_text)
    # A manifest keeps its names sorted, and with them the lines of the policy.
    same: dict[str, Any] = {"refusals": found.refusals, "settings": found.settings}
    again = rendered(tmp_path, Findings(**{**vars(read), **same}), clips)
    assert again.text == page.text


def test_a_report_without_questions_is_read_back(tmp_path: Path) -> None:
    some = findings()
    none: dict[str, Any] = {"questions": {}, "on_sample": {}, "texts": {}, "on_text": {}}
    read = read_findings(write_report(tmp_path / "report", Findings(**{**vars(some), **none})))
    assert (read.questions, read.on_sample, read.texts, read.on_text) == ({}, {}, {}, {})


@pytest.mark.parametrize(
    ("file", "content", "line"),
    [
        ("report.json", "{}", "report.json: no Report: figures: Field required; evaluate the model again"),
        ("report.json", None, "report.json: cannot be read: No such file or directory; evaluate the model again"),
        ("desta-sample/cascade/result.json", "?", "desta-sample/cascade/result.json: no Result: "),
        ("desta-sample/trained/desta-sample.json", None, "trained: has no desta-sample.json; evaluate the model again"),
        ("desta-text/after/desta-text.jsonl", "[", "desta-text.jsonl: line 1: no JSON"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, file: str, content: str | None, line: str) -> None:
    report = write_report(tmp_path / "report", findings())
    (report.folder / file).unlink()
    if content is not None:
        (report.folder / file).write_text(content)
    with pytest.raises(ContractError) as stopped:
        read_findings(report)
    assert line in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_a_mark_of_an_unknown_item_is_one_line(tmp_path: Path) -> None:
    report = write_report(tmp_path / "report", findings())
    file = report.folder / "desta-text" / "before" / "result.json"
    result = json.loads(file.read_text())
    result["marks"][0]["item_id"] = "z"
    file.write_text(json.dumps(result))
    with pytest.raises(ContractError, match="before: item 'z' has a mark and is in no file; evaluate the model again"):
        read_findings(report)
