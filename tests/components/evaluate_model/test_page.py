"""What a person finds on the page of an evaluation; all made by hand."""

import re
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact, Draft
from components.core.contracts.records import Clip
from components.evaluate_model.benchmarks.comparison import Difference
from components.evaluate_model.benchmarks.desta_sample import DESTA_SAMPLE, rows_about
from components.evaluate_model.confusion import MOST_ANSWERS, confusions
from components.evaluate_model.findings import Findings, read_findings
from components.evaluate_model.regression import Comparison
from tests.components.evaluate_model.evaluated import (
    CLIPS,
    HOSTILE,
    REFUSED,
    Page,
    asked,
    closed,
    findings,
    rendered,
    report_of,
    scored,
    sound,
    write_report,
    wrong_of,
)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("clips")
    Draft(folder).write(CLIPS, Clip)
    return closed(folder, "clips")


@pytest.fixture(scope="module")
def found() -> Findings:
    right = findings()
    return findings(wrong_of(right, 3), (REFUSED, "minimum.accuracy.at_least: too low"))


@pytest.fixture(scope="module")
def page(found: Findings, clips: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Page:
    return rendered(tmp_path_factory.mktemp("page"), found, clips)


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
