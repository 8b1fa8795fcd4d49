from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F  # noqa: N812
from transformers import PreTrainedModel

from components.core.contracts.records import AUDIO_SPAN, Message
from components.core.conversation import audio_conversation
from components.core.models.adapter import untrained_adapter
from components.core.models.audio_language_model import AudioLanguageModel
from components.core.models.decoding import greedy
from components.core.models.features import padded
from components.core.models.loading import load_llm, load_tokenizer
from components.core.models.lora import LoraConfig
from components.core.models.splice import Spliced, Splicer
from components.core.models.store import StoredModel
from tests.core.models.test_adapter import make_config
from tests.core.models.test_lora import small_llm, trained_lora

CLIPS = [torch.randn(4, 7, 32, generator=torch.Generator().manual_seed(n)) for n in range(2)]


@pytest.fixture(scope="module")
def model(llm: StoredModel) -> AudioLanguageModel:
    return AudioLanguageModel(untrained_adapter(make_config(llm_width=576)), load_llm(llm.folder)).eval()


@pytest.fixture(scope="module")
def rows(llm: StoredModel) -> list[Spliced]:
    splicer = Splicer(load_tokenizer(llm.folder), 100)
    asked = [("Who speaks?", "Good morning", "A woman says good morning."), ("What is it, please?", None, "A dog.")]
    return [splicer.splice(audio_conversation(prompt), [heard], answer) for prompt, heard, answer in asked]


def test_a_row_costs_the_same_alone_and_in_a_batch(model: AudioLanguageModel, rows: list[Spliced]) -> None:
    together = model(*padded(CLIPS), rows)
    alone = torch.cat([model(*padded([clip]), [row]) for clip, row in zip(CLIPS, rows, strict=True)])

    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-3)


def test_rows_may_begin_with_different_words(model: AudioLanguageModel, rows: list[Spliced]) -> None:
    changed = [rows[0], replace(rows[1], pieces=((*rows[1].target, *rows[1].pieces[0]), rows[1].pieces[1]))]
    together = model(*padded(CLIPS), changed)
    alone = torch.cat([model(*padded([clip]), [row]) for clip, row in zip(CLIPS, changed, strict=True)])

    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-3)


def test_a_row_may_have_several_clips(llm: StoredModel, model: AudioLanguageModel, rows: list[Spliced]) -> None:
    question = Message(role="user", content=f"Compare {AUDIO_SPAN} with {AUDIO_SPAN}.")
    splicer = Splicer(load_tokenizer(llm.folder), 100)
    both = splicer.splice([question], ["Good morning", None], "Both are calm.")
    swapped = splicer.splice([question], [None, "Good morning"], "Both are calm.")

    together = model(*padded([*CLIPS, CLIPS[0], *CLIPS[::-1]]), [both, rows[0], swapped])

    alone = [
        model(*padded(CLIPS), [both]),
        model(*padded([CLIPS[0]]), [rows[0]]),
        model(*padded(CLIPS[::-1]), [swapped]),
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-3)
    first, second = model.adapter(*padded(CLIPS))
    words = model.llm.get_input_embeddings()
    before, between, after = (words(torch.tensor(ids)) for ids in (*both.pieces[:2], (*both.pieces[2], *both.target)))
    logits = model.llm(inputs_embeds=torch.cat([before, first, between, second, after])[None]).logits[0]
    target = torch.tensor(both.target)
    expected = F.cross_entropy(logits[-len(target) - 1 : -1], target, reduction="sum")
    torch.testing.assert_close(together[0], expected, rtol=1e-4, atol=1e-3)


def test_the_loss_is_on_the_answer_and_its_end_alone(model: AudioLanguageModel, rows: list[Spliced]) -> None:
    row, clip = rows[0], CLIPS[0]
    vectors = model.adapter(*padded([clip]))[0]
    words = model.llm.get_input_embeddings()
    before, after = row.pieces
    inputs = torch.cat([words(torch.tensor(before)), vectors, words(torch.tensor((*after, *row.target)))])
    logits = model.llm(inputs_embeds=inputs[None]).logits[0]

    expected = F.cross_entropy(logits[-len(row.target) - 1 : -1], torch.tensor(row.target), reduction="sum")

    torch.testing.assert_close(model(*padded([clip]), [row])[0], expected, rtol=1e-4, atol=1e-3)


def test_only_the_adapter_learns(model: AudioLanguageModel, rows: list[Spliced]) -> None:
    model(*padded(CLIPS), rows).sum().backward()

    assert all(parameter.grad is None for parameter in model.llm.parameters())
    assert all(parameter.grad is not None for parameter in model.adapter.parameters())
    model.zero_grad()


def test_answers_are_learned_by_heart(model: AudioLanguageModel, rows: list[Spliced]) -> None:
    learner = AudioLanguageModel(untrained_adapter(make_config(llm_width=576, dropout=0.0)), model.llm)
    optimiser = torch.optim.AdamW(learner.adapter.parameters(), lr=1e-3)
    costs: list[float] = []
    for _ in range(20):
        optimiser.zero_grad()
        cost = learner(*padded(CLIPS), rows).sum()
        cost.backward()
        optimiser.step()
        costs.append(float(cost.detach()))

    assert costs[-1] < 0.5 * costs[0]


def test_the_llm_never_drops_out(model: AudioLanguageModel) -> None:
    assert model.train().adapter.training
    assert not model.llm.training
    model.eval()


@pytest.fixture
def small() -> tuple[AudioLanguageModel, AudioLanguageModel]:
    """A model with a LoRA that learned something and one without, of the same adapter and the same small LLM."""
    adapter, llm = untrained_adapter(make_config(llm_width=32, dropout=0.0)).eval(), small_llm()
    return AudioLanguageModel(adapter, llm, trained_lora(llm)).eval(), AudioLanguageModel(adapter, llm).eval()


SMALL_ROWS = [Spliced(((1, 5, 2, 9), (4,)), (3, 7)), Spliced(((1, 5, 2, 9, 8), (4, 6)), (7,))]


def test_a_lora_learns_from_what_all_rows_begin_with(small: tuple[AudioLanguageModel, AudioLanguageModel]) -> None:
    """The beginning is read once for all rows: gradients are those of rows that are read whole."""
    model, _ = small
    assert model.lora is not None
    torch.autograd.backward(model(*padded(CLIPS), SMALL_ROWS).sum())
    together = [weight.grad for weight in model.trained_parameters()]

    model.zero_grad()
    words = model.llm.get_input_embeddings()
    for row, vectors in zip(SMALL_ROWS, model.adapter(*padded(CLIPS)), strict=True):
        first, last = (words(torch.tensor(ids)) for ids in (row.pieces[0], (*row.pieces[1], *row.target)))
        with model.speaking():
            logits = model.llm(inputs_embeds=torch.cat([first, vectors, last])[None]).logits[0]
        target = torch.tensor(row.target)
        loss = F.cross_entropy(logits[-len(target) - 1 : -1], target, reduction="sum")
        torch.autograd.backward(loss, retain_graph=True)

    assert all(weight.grad is None for weight in model.llm.parameters())
    assert all(grad is not None and grad.any() for grad in together[-len([*model.lora.parameters()]) :])
    for grad, weight in zip(together, model.trained_parameters(), strict=True):
        torch.testing.assert_close(grad, weight.grad, rtol=1e-3, atol=1e-4)


def test_a_lora_counts_in_the_model_that_has_it_alone(small: tuple[AudioLanguageModel, AudioLanguageModel]) -> None:
    with_lora, without = small
    text = [Spliced(((1, 5, 2, 9, 8),), ())]
    plain = untouched(small_llm(), text)
    spoken = with_lora.write(torch.zeros(0, 5, 32), text, [greedy(6)], set())

    begun = next(spoken)
    beside = written(without, text)  # while the other one is in the middle of its answer
    heard = [token for step in (begun, *spoken) for _, token in step]

    assert beside == plain == untouched(with_lora.llm, text)
    assert heard == written(with_lora, text) != plain
    with with_lora.speaking():
        assert untouched(with_lora.llm, text) == heard


def written(model: AudioLanguageModel, rows: list[Spliced]) -> list[int]:
    return [token for step in model.write(torch.zeros(0, 5, 32), rows, [greedy(6)], set()) for _, token in step]


def untouched(llm: PreTrainedModel, rows: list[Spliced]) -> list[int]:
    """The greedy answer of an LLM itself to one row of text."""
    ids = torch.tensor([rows[0].pieces[0]])
    answer = llm.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=6, eos_token_id=None, do_sample=False
    )
    return [int(token) for token in answer[0, ids.shape[1] :]]


def test_a_lora_drops_out_in_training_and_the_llm_never() -> None:
    llm = small_llm()
    config = LoraConfig(rank=2, alpha=6.0, dropout=0.5, init_seed=3)
    adapter = untrained_adapter(make_config(llm_width=32, dropout=0.0))
    model = AudioLanguageModel(adapter, llm, trained_lora(llm, config)).train()

    def losses() -> list[float]:
        return [float(loss) for loss in model(*padded(CLIPS), SMALL_ROWS).detach()]

    assert losses() != losses()
    assert not model.llm.training
    model.eval()
    assert losses() == losses()


def test_answers_do_not_depend_on_the_batch_or_the_target(
    llm: StoredModel, model: AudioLanguageModel, rows: list[Spliced]
) -> None:
    tokenizer = load_tokenizer(llm.folder)
    other = [replace(row, target=(1, 2, 3)) for row in rows]

    together = model.answer(*padded(CLIPS), rows, tokenizer, max_tokens=8)
    alone = [model.answer(*padded([c]), [r], tokenizer, max_tokens=8)[0] for c, r in zip(CLIPS, other, strict=True)]

    assert together == alone
    assert all(together)
