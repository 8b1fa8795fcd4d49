"""The embedded language model as a judge: what it is worth as one is another matter."""

import pytest

from components.core.contracts.errors import SourceError
from components.core.models.loading import load_llm, load_tokenizer
from components.core.models.store import StoredModel
from components.evaluate_model.benchmarks.judging import JudgeIdentity, Question
from components.evaluate_model.benchmarks.local_judge import LocalJudge

GREEDY = Question(system="Reply with one word.", prompt="Is the sky blue? Say yes or no.", max_tokens=6)
DRAWN = Question(prompt="Name an animal.", temperature=1.5, max_tokens=6, draws=3)


@pytest.fixture(scope="module")
def judge(llm: StoredModel) -> LocalJudge:
    return LocalJudge(llm)


def replies(judge: LocalJudge, *questions: Question) -> list[tuple[str, ...]]:
    return [verdict.replies for verdict in judge.judge(questions)]


def test_it_is_known_by_its_content(judge: LocalJudge, llm: StoredModel) -> None:
    assert judge.identity == JudgeIdentity(model=llm.digest, served_by="local")


def test_at_temperature_0_it_says_what_the_library_finds_likeliest(judge: LocalJudge, llm: StoredModel) -> None:
    tokenizer = load_tokenizer(llm.folder)
    asked = [
        {"role": "system", "content": "Reply with one word."},
        {"role": "user", "content": "Is the sky blue? Say yes or no."},
    ]
    read = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    written = load_llm(llm.folder).generate(**read, do_sample=False, max_new_tokens=GREEDY.max_tokens)
    likeliest = tokenizer.decode(written[0, read["input_ids"].shape[1] :], skip_special_tokens=True)
    assert likeliest
    assert replies(judge, GREEDY.model_copy(update={"draws": 2})) == [(likeliest, likeliest)]


def test_an_answer_ends_after_the_tokens_that_it_may_have(judge: LocalJudge, llm: StoredModel) -> None:
    ((said,),) = replies(judge, Question(prompt="Count from one to twenty.", max_tokens=3))
    assert len(load_tokenizer(llm.folder)(said)["input_ids"]) == 3


def test_draws_differ_and_belong_to_the_question_and_not_to_the_order(judge: LocalJudge) -> None:
    (drawn,) = replies(judge, DRAWN)
    assert len(set(drawn)) == 3
    assert replies(judge, GREEDY, DRAWN)[1] == drawn


def test_a_question_that_does_not_fit_the_window_is_one_line(judge: LocalJudge, llm: StoredModel) -> None:
    with pytest.raises(
        SourceError, match=rf"^--judge {llm.ref}: a question has \d+ tokens, and .* window 8192; "
    ) as long:
        replies(judge, Question(prompt="la " * 9000))
    assert "\n" not in str(long.value)
