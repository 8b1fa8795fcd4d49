"""A few of many, each with the same chance, decided by ids: the order and the number of the others change nothing."""

import heapq
from typing import Generic, TypeVar

from components.core.digests import seed_of

T = TypeVar("T")


class Draw(Generic[T]):
    """Keeps at most `size` of the items that it sees: those whose ids draw the lowest numbers."""

    def __init__(self, seed: int, purpose: str, size: int) -> None:
        self._seed, self._purpose, self._size = seed, purpose, size
        self._kept: list[tuple[int, str, T]] = []  # numbers are negative, so that the first of the heap is the worst

    def see(self, item_id: str, item: T) -> None:
        """Keep an item, or let it go; each id once."""
        entry = (-seed_of(self._seed, self._purpose, item_id), item_id, item)
        if len(self._kept) < self._size:
            heapq.heappush(self._kept, entry)
        elif self._kept and entry[:2] > self._kept[0][:2]:
            heapq.heapreplace(self._kept, entry)

    def drawn(self) -> list[T]:
        """Return what was kept, the lowest number first."""
        return [item for _, _, item in sorted(self._kept, key=lambda entry: entry[:2], reverse=True)]
