"""Seconds that self_generate takes in one process, beside raw vLLM and a plain transformers loop on the same questions.

python -m tests.benchmarks.generation .desta/store/extract_metadata/RESULT --questions 128
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import vllm
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from vllm import SamplingParams

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.records import Description, Sample
from components.core.digests import seed_of
from components.core.home import current_home
from components.core.models.loading import load_llm, load_tokenizer
from components.core.models.store import LLM, StoredModel, resolve_model
from components.self_generate.__main__ import main as self_generate
from components.self_generate.generation import tokens_of
from components.self_generate.questions import Plan
from components.self_generate.settings import SelfGenerateSettings
from components.self_generate.stage import plan_of
from components.self_generate.vllm_generator import _engine, vllm_identity
from tests.components.self_generate.making import make_descriptions

SETTINGS = SelfGenerateSettings()
ROUNDS = 2


def main() -> None:
    """Take the ways in turns, forwards and backwards; print the faster of each, and how ours compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("descriptions", type=Path, help="a result of extract_metadata")
    parser.add_argument("--questions", type=int, default=128, metavar="N", help="(default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        few = islice(open_artifact(args.descriptions).read(Description), args.questions // SETTINGS.prompts_per_clip)
        bench = Bench(make_descriptions(Path(place) / "descriptions", list(few)), Path(place))
        ways: dict[str, Callable[[], int]] = {
            "self_generate": bench.self_generate,
            "raw vLLM": bench.raw_vllm,
            "transformers": bench.transformers,
        }
        bench.warm_up()
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(ROUNDS):
            for way in list(ways)[:: -1 if number % 2 else 1]:
                started_s = time.perf_counter()
                tokens = ways[way]()
                seconds[way].append(time.perf_counter() - started_s)
                print(f"{way}: {len(bench.prompts)} questions, {tokens} tokens, {seconds[way][-1]:.1f} s", flush=True)
    fastest = {way: min(each) for way, each in seconds.items()}
    for way in list(ways)[1:]:
        print(f"self_generate / {way}: {fastest['self_generate'] / fastest[way]:.3f} of its seconds")


@dataclass(frozen=True)
class Bench:
    """The same questions for all ways; each returns the tokens that it wrote."""

    descriptions: Artifact
    place: Path

    def warm_up(self) -> None:
        """Start the engine and load the model, so that no way is measured with it."""
        self._vllm.generate([{"prompt_token_ids": self.prompts[0]}], self._sampling[:1], use_tqdm=False)
        self._generated(self.prompts[:1])

    def self_generate(self) -> int:
        """Run the stage as users do, in a fresh home: it plans, answers, keeps, and writes its samples."""
        home = Path(tempfile.mkdtemp(dir=self.place))
        os.environ.update(DESTA_MODELS=str(self._model.folder.parent), DESTA_HOME=str(home))
        samples = home / "samples"
        self_generate(
            ["--descriptions", str(self.descriptions.folder), "--llm", self._model.ref, "--samples", str(samples)]
        )
        return sum(sample.response_tokens for sample in open_artifact(samples).read(Sample))

    def raw_vllm(self) -> int:
        """Give all prompts at once to the engine that the stage has."""
        self._vllm.reset_prefix_cache()
        prompts = [{"prompt_token_ids": tokens} for tokens in self.prompts]
        answers = [output.outputs[0] for output in self._vllm.generate(prompts, self._sampling, use_tqdm=False)]
        return sum(len(answer.token_ids) - (answer.finish_reason == "stop") for answer in answers)

    def transformers(self) -> int:
        """Generate batch by batch, as long as the longest answer of the batch takes."""
        starts = range(0, len(self.prompts), SETTINGS.batch)
        return sum(self._generated(self.prompts[start : start + SETTINGS.batch]) for start in starts)

    def _generated(self, prompts: list[list[int]]) -> int:
        batch = self._tokenizer.pad({"input_ids": prompts}, padding_side="left", return_tensors="pt")
        end = self._tokenizer.eos_token_id
        answers = self._llm.generate(
            **batch,
            do_sample=True,
            temperature=SETTINGS.temperature,
            top_p=SETTINGS.top_p,
            max_new_tokens=SETTINGS.max_tokens,
            pad_token_id=end,
        )
        return int((answers[:, batch["input_ids"].shape[1] :] != end).sum())

    @cached_property
    def prompts(self) -> list[list[int]]:
        """The tokens of each question."""
        return [tokens_of(question.conversation, self._tokenizer) for question in self._plan]

    @cached_property
    def _sampling(self) -> list[SamplingParams]:
        return [
            SamplingParams(
                temperature=SETTINGS.temperature,
                top_p=SETTINGS.top_p,
                max_tokens=SETTINGS.max_tokens,
                seed=seed_of(SETTINGS.seed, question.sample_id),
            )
            for question in self._plan
        ]

    @cached_property
    def _plan(self) -> Plan:
        return plan_of(self.descriptions, SETTINGS, vllm_identity(self._model))

    @cached_property
    def _model(self) -> StoredModel:
        return resolve_model(LLM, current_home().models)

    @cached_property
    def _vllm(self) -> vllm.LLM:
        return _engine(self._model, vllm_identity(self._model).dtype, SETTINGS.batch, SETTINGS.window_tokens)

    @cached_property
    def _llm(self) -> PreTrainedModel:
        return load_llm(self._model.folder)

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self._model.folder)


if __name__ == "__main__":
    main()
