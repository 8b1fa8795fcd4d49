"""Findings of an evaluation and its page, made by hand."""

import base64
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import Artifact, Counts, Draft, Lineage, open_artifact
from components.core.contracts.records import Answer, Clip, Domain, Split
from components.evaluate_model.benchmarks.benchmark import Benchmark, Entry, unique
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE, rows_about
from components.evaluate_model.benchmarks.desta_text import DESTA_TEXT
from components.evaluate_model.benchmarks.records import Prediction
from components.evaluate_model.benchmarks.rows import Row
from components.evaluate_model.benchmarks.scoring import Material, Result, score
from components.evaluate_model.findings import Findings
from components.evaluate_model.page import write_page
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


def wrong_of(found: Findings, count: int) -> dict[str, str]:
    """Answer the first questions about the sound, each of another clip, by another choice."""
    items = [entry.item for entry in found.questions.values() if entry.item.slices["kind"] == "sound event"]
    return {item.item_id: next(each for each in item.choices if each != item.label) for item in items[:count]}


def rendered(folder: Path, *of: Any) -> Page:
    write_page(folder / "report.html", *of)
    return Page((folder / "report.html").read_text(encoding="utf-8"))
