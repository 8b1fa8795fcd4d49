from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError, ContractError
from components.evaluate_model.benchmarks.answering import PREDICTIONS, AnswerBook
from components.evaluate_model.benchmarks.records import Item, Prediction

ITEMS = tuple(
    Item(benchmark="b", subset="s", item_id=str(n), metric="accuracy", audio=(), instruction=f"{n}?") for n in range(6)
)


class Shouting:
    """Answers in capitals, and breaks down after so many answers."""

    def __init__(self, breaks_after: int = 1000, name: str = "shouting") -> None:
        self.asked: list[str] = []
        self._left = breaks_after
        self.identity: Mapping[str, Any] = {"system": name}

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Answer in the items' order."""
        for item in items:
            if not self._left:
                raise KeyboardInterrupt
            self._left -= 1
            self.asked.append(item.item_id)
            yield Prediction(item_id=item.item_id, response=item.instruction.upper())


def fill(folder: Path, system: Shouting, items: Sequence[Item] = ITEMS) -> AnswerBook:
    book = AnswerBook(folder, system.identity, items)
    list(book.fill(system, items))
    return book


def test_every_item_is_answered_once(tmp_path: Path) -> None:
    first, second = Shouting(), Shouting()
    fill(tmp_path, first)
    book = fill(tmp_path, second)
    assert (first.asked, second.asked) == (["0", "1", "2", "3", "4", "5"], [])
    assert {name: said.response for name, said in book.answered.items()} == {i.item_id: i.instruction for i in ITEMS}


@pytest.mark.parametrize("torn", [b"", b'{"item_id":"2","resp'])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, torn: bytes) -> None:
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path / "killed", Shouting(breaks_after=2))
    with (tmp_path / "killed" / PREDICTIONS).open("ab") as file:
        file.write(torn)
    again = Shouting()
    fill(tmp_path / "killed", again)
    fill(tmp_path / "whole", Shouting())
    assert again.asked == ["2", "3", "4", "5"]
    assert (tmp_path / "killed" / PREDICTIONS).read_bytes() == (tmp_path / "whole" / PREDICTIONS).read_bytes()


def test_answers_of_another_system_or_to_other_items_are_not_mixed(tmp_path: Path) -> None:
    fill(tmp_path, Shouting())
    with pytest.raises(ConfigurationError, match="has answers with another system: 'shouting', now 'other'"):
        fill(tmp_path, Shouting(name="other"))
    with pytest.raises(ConfigurationError, match="has answers with another items: "):
        fill(tmp_path, Shouting(), ITEMS[:3])


def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path) -> None:
    fill(tmp_path, Shouting())
    file = tmp_path / PREDICTIONS
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1][:-2], *lines[2:]]) + "\n")
    with pytest.raises(ContractError, match="line 2 is no Prediction"):
        fill(tmp_path, Shouting())
