"""Seconds of an epoch with the encoder's features read from disk, beside upstream's way of hearing in every step.

python -m tests.benchmarks.feature_cache .desta/store/validate_data/KEY .desta/store/ingest_audio/KEY --samples 64
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from components.core.audio import samples_of
from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.records import Audio, Clip, Sample, Split
from components.core.home import current_home
from components.core.models.adapter import AdapterConfig, untrained_adapter
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.encoder import DTYPE, Encoder, encoder_for, frames_of, hearing_for
from components.core.models.features import KeptFeatures, padded
from components.core.models.loading import best_device, load_llm, load_tokenizer
from components.core.models.splice import Splicer
from components.core.models.store import ENCODER, LLM, StoredModel, resolve_model
from components.core.progress import Progress
from components.train_model.batches import plan_batches
from components.train_model.examples import Example
from components.train_model.settings import TrainModelSettings
from pipelines.profiles import sample
from tests.core.models.test_adapter import make_config

T = TypeVar("T")
Hear = Callable[[Sequence[str]], list[Tensor]]


def main() -> None:
    """Measure hearing once, then an epoch both ways twice, in turns; print seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("accepted", type=Path, help="samples that validate_data accepted")
    parser.add_argument("clips", type=Path, help="their clips, written by ingest_audio")
    parser.add_argument("--samples", type=int, default=64, metavar="N", help="samples of an epoch (default: 64)")
    args = parser.parse_args()
    models, settings, (device, _) = current_home().models, sample().train_model, best_device()
    ear, llm = resolve_model(ENCODER, models), resolve_model(LLM, models)
    config = make_config(
        encoder_width=384, encoder_heads=6, llm_width=576, queries=settings.queries, query_scale=settings.query_scale
    )
    examples = examples_of_training(open_artifact(args.accepted), llm, settings, args.samples)
    ids, clips = sorted({example.clip_id for example in examples}), open_artifact(args.clips)
    audio = {clip.clip_id: clip.audio for clip in clips.read(Clip) if clip.clip_id in ids}
    encoder = encoder_for(config, ear.folder, device)
    compare_hearing(encoder, audio)
    with tempfile.TemporaryDirectory() as root:
        kept = KeptFeatures(Path(root), hearing_for(config, ear.digest, device))
        print(kept.room(clips, ids, config.encoder_width))
        once_s, _ = timed(lambda: kept.complete(clips, ids, lambda: encoder, Progress()))
        print(f"heard once and written: {once_s:.1f} s")
        ways: dict[str, Hear] = {
            "kept": lambda wanted: [kept.read(clip_id) for clip_id in wanted],
            "heard in every step": lambda wanted: heard_together(encoder, [audio[clip_id] for clip_id in wanted]),
        }
        compare_epochs(ways, examples, config, llm, settings)


def examples_of_training(
    accepted: Artifact, llm: StoredModel, settings: TrainModelSettings, number: int
) -> list[Example]:
    """Return the first training samples as ids."""
    splicer = Splicer(load_tokenizer(llm.folder), settings.max_transcript_tokens)
    samples = (sample for sample in accepted.read(Sample) if sample.split is Split.TRAIN)
    return [
        Example(s.sample_id, s.clip_id, splicer.splice(s.messages, [s.transcript], s.response))
        for s in islice(samples, number)
    ]


def heard_together(encoder: Encoder, clips: Sequence[Audio]) -> list[Tensor]:
    """Hear the clips of a step side by side, as upstream does."""
    sounds = [samples_of(audio) for audio in clips]
    states = encoder.states(sounds)
    pairs = zip(states, sounds, strict=True)
    return [one[:, : frames_of(len(samples))].to(device="cpu", dtype=DTYPE) for one, samples in pairs]


def heard_in_groups(encoder: Encoder, clips: Sequence[Audio], size: int) -> list[list[Tensor]]:
    """Hear clips, so many at a time."""
    return [heard_together(encoder, clips[start : start + size]) for start in range(0, len(clips), size)]


def compare_hearing(encoder: Encoder, audio: Mapping[str, Audio]) -> None:
    """Tell whether clips are heard faster side by side."""
    clips = list(audio.values())[:16]
    times: dict[int, list[float]] = {1: [], 8: []}
    for _ in range(2):
        for size, seconds in times.items():
            seconds.append(timed(partial(heard_in_groups, encoder, clips, size))[0])
    for size, seconds in times.items():
        print(f"hear {len(clips)} clips, {size} at a time: {', '.join(f'{one:.1f}' for one in seconds)} s")
    print(f"ratio of one by one to side by side: {min(times[1]) / min(times[8]):.2f}")


def compare_epochs(
    ways: Mapping[str, Hear],
    examples: Sequence[Example],
    config: AdapterConfig,
    llm: StoredModel,
    settings: TrainModelSettings,
) -> None:
    """Train an epoch each way, from the same beginning each time."""
    (device, dtype), times = best_device(), {way: list[float]() for way in ways}
    backbone = load_llm(llm.folder, dtype).to(device)
    losses: dict[str, list[float]] = {}
    for _ in range(2):
        for way, hear in ways.items():
            model = AudioLanguageModel(untrained_adapter(config).to(device=device, dtype=dtype), backbone)
            seconds, losses[way] = timed(partial(train, model, hear, examples, settings))
            times[way].append(seconds)
            print(f"epoch of {len(examples)} samples, {way}: {seconds:.1f} s", flush=True)
    first, second = ways
    print(f"ratio of '{second}' to '{first}': {min(times[second]) / min(times[first]):.2f}")
    print(f"largest difference of a step's loss: {max(abs(a - b) for a, b in zip(*losses.values(), strict=True)):.1e}")


def train(
    model: AudioLanguageModel, hear: Hear, examples: Sequence[Example], settings: TrainModelSettings
) -> list[float]:
    """Do the steps of an epoch with plain AdamW, and return their losses."""
    optimiser = torch.optim.AdamW(model.adapter.parameters(), lr=settings.learning_rate)
    lengths = [example.ids.length(settings.queries) for example in examples]
    ids, steps = [example.sample_id for example in examples], len(examples) // settings.batch
    device, losses = str(model.llm.device), []
    model.train()
    for number, batch in enumerate(plan_batches(ids, lengths, steps=steps, batch=settings.batch, seed=settings.seed)):
        torch.manual_seed(number)
        rows = [examples[at] for at in batch]
        features, frames = padded(hear([row.clip_id for row in rows]))
        nll = model(features.to(device), frames.to(device), [row.ids for row in rows]).sum()
        loss = nll / sum(len(row.ids.target) for row in rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.adapter.parameters(), settings.gradient_clip)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Run some work, and return its seconds and its result."""
    started_s = time.perf_counter()
    result = work()
    return time.perf_counter() - started_s, result


if __name__ == "__main__":
    main()
