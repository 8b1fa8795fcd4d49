"""Seconds that self_generate takes in one process, beside raw vLLM and a plain transformers loop on the same questions.

python -m tests.benchmarks.generation .desta/store/extract_metadata/RESULT --questions 128
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

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


def main() -> None:
    """Take the ways in turns, forwards and back; print what each took, and how the faster of ours compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("descriptions", type=Path, help="a result of extract_metadata")
    parser.add_argument("--questions", type=int, default=128, metavar="N", help="(default: %(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        every = list(open_artifact(args.descriptions).read(Description))
        spread = every[:: max(1, len(every) * SETTINGS.prompts_per_clip // args.questions)]
        bench = Bench(make_descriptions(Path(place) / "descriptions", spread), Path(place))
        with_likelihoods, without = bench.sampling(logprobs=0), bench.sampling(logprobs=None)
        ways: dict[str, Callable[[], int]] = {
            "self_generate": bench.self_generate,
            "raw vLLM": lambda: bench.raw_vllm(with_likelihoods),
            "raw vLLM without likelihoods": lambda: bench.raw_vllm(without),
            "transformers": bench.transformers,
        }
        bench.warm_up()
        all_took: dict[str, list[Took]] = {way: [] for way in ways}
        forwards = list(ways)
        for way in (*forwards, *forwards[-2::-1]):
            all_took[way].append(_timed(ways[way]))
            print(f"{way}: {len(bench.prompts)} questions, {all_took[way][-1]}", flush=True)
    ours = all_took["self_generate"]
    in_all_s, engine_s = sum(took.processor_s for took in ours), sum(bench.engine_s)
    print(f"self_generate outside of vLLM: {in_all_s / engine_s - 1:.1%} of the processor seconds of vLLM in it")
    for way in list(ways)[1:]:
        wall = min(took.wall_s for took in ours) / min(took.wall_s for took in all_took[way])
        processor = min(took.processor_s for took in ours) / min(took.processor_s for took in all_took[way])
        print(f"self_generate / {way}: {wall:.3f} of its seconds, {processor:.3f} of its processor seconds")


@dataclass(frozen=True)
class Took:
    """What a way took; processor seconds, of all threads, hardly depend on what else the machine does."""

    tokens: int
    wall_s: float
    processor_s: float

    def __str__(self) -> str:
        return f"{self.tokens} tokens, {self.wall_s:.1f} s, {self.processor_s:.1f} processor seconds"


def _timed(way: Callable[[], int]) -> Took:
    wall_s, processor_s = time.perf_counter(), time.process_time()
    tokens = way()
    return Took(tokens, time.perf_counter() - wall_s, time.process_time() - processor_s)


@dataclass(frozen=True)
class Bench:
    """The same questions for all ways; each returns the tokens that it wrote."""

    descriptions: Artifact
    place: Path
    engine_s: list[float] = field(default_factory=list)
    """Processor seconds that vLLM had for each of its steps in the stage."""

    def warm_up(self) -> None:
        """Start the engine and load the model, so that no way is measured with it."""
        self._vllm.generate([{"prompt_token_ids": self.prompts[0]}], self.sampling(logprobs=0)[:1], use_tqdm=False)
        self._generated(self.prompts[:1])

    def self_generate(self) -> int:
        """Run the stage as users do, in a fresh home: it plans, answers, keeps, and writes its samples."""
        home = Path(tempfile.mkdtemp(dir=self.place))
        os.environ.update(DESTA_MODELS=str(self._model.folder.parent), DESTA_HOME=str(home))
        samples = home / "samples"
        flags = ["--descriptions", str(self.descriptions.folder), "--llm", self._model.ref, "--samples", str(samples)]
        with patch.object(self._vllm.llm_engine, "step", self._clocked):
            self_generate(flags)
        return sum(sample.response_tokens for sample in open_artifact(samples).read(Sample))

    def raw_vllm(self, sampling: Sequence[SamplingParams]) -> int:
        """Give all prompts at once to the engine that the stage has."""
        self._vllm.reset_prefix_cache()
        prompts = [{"prompt_token_ids": tokens} for tokens in self.prompts]
        answers = [output.outputs[0] for output in self._vllm.generate(prompts, sampling, use_tqdm=False)]
        return sum(len(answer.token_ids) - (answer.finish_reason == "stop") for answer in answers)

    def transformers(self) -> int:
        """Generate batch by batch, as long as the longest answer of the batch takes."""
        starts = range(0, len(self.prompts), SETTINGS.at_once)
        return sum(self._generated(self.prompts[start : start + SETTINGS.at_once]) for start in starts)

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

    def _clocked(self) -> list[Any]:
        before_s = time.process_time()
        outputs: list[Any] = type(self._vllm.llm_engine).step(self._vllm.llm_engine)
        self.engine_s.append(time.process_time() - before_s)
        return outputs

    @cached_property
    def prompts(self) -> list[list[int]]:
        """The tokens of each question."""
        return [tokens_of(question.conversation, self._tokenizer) for question in self._plan]

    def sampling(self, logprobs: int | None) -> list[SamplingParams]:
        """How each question is answered; with 0 the likelihood of each token comes with it, as the stage wants it."""
        return [
            SamplingParams(
                temperature=SETTINGS.temperature,
                top_p=SETTINGS.top_p,
                max_tokens=SETTINGS.max_tokens,
                seed=seed_of(SETTINGS.seed, question.sample_id),
                logprobs=logprobs,
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
        return _engine(self._model, vllm_identity(self._model).dtype, SETTINGS.at_once, SETTINGS.window_tokens)

    @cached_property
    def _llm(self) -> PreTrainedModel:
        return load_llm(self._model.folder)

    @cached_property
    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return load_tokenizer(self._model.folder)


if __name__ == "__main__":
    main()
