"""Where the boxes of a graph stand: a column for each step of the way, drawn by the page as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.audit.view import Graph, Node

WIDTH, HEIGHT = 148, 46
_GAP_X, _GAP_Y, _MARGIN = 30, 14, 6


@dataclass(frozen=True, kw_only=True)
class Box:
    """A node with the place of its upper left corner."""

    node: Node
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """A curve from the right side of one box to the left side of another, as the path of an SVG."""

    path: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A graph with places, and the size of the whole."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    width: int
    height: int


def drawn(graph: Graph) -> Drawing:
    """Place every box one column right of the last one that leads to it, and in a column by the height of those."""
    columns = _columns(graph)
    places: dict[str, tuple[int, int]] = {}
    for number, nodes in enumerate(columns):
        ordered = sorted(nodes, key=lambda node: (_mean_y(node, graph, places), nodes.index(node)))
        for row, node in enumerate(ordered):
            places[node.id] = _MARGIN + number * (WIDTH + _GAP_X), _MARGIN + row * (HEIGHT + _GAP_Y)
    tallest = max((len(nodes) for nodes in columns), default=0)
    return Drawing(
        boxes=tuple(Box(node=node, x=places[node.id][0], y=places[node.id][1]) for node in graph.nodes),
        arrows=tuple(_arrow(places[a], places[b]) for a, b in graph.edges if a in places and b in places),
        width=2 * _MARGIN + len(columns) * (WIDTH + _GAP_X) - _GAP_X,
        height=2 * _MARGIN + tallest * (HEIGHT + _GAP_Y) - _GAP_Y,
    )


def _columns(graph: Graph) -> list[list[Node]]:
    depth = _depths([node.id for node in graph.nodes], graph.edges)
    columns: list[list[Node]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in graph.nodes:
        columns[depth[node.id]].append(node)
    return columns


def _depths(ids: Sequence[str], edges: Sequence[tuple[str, str]]) -> Mapping[str, int]:
    """Return for each node the length of the longest way to it; nothing is made of itself, so there is one."""
    depth = dict.fromkeys(ids, 0)
    for _ in ids:
        moved = {b: depth[a] + 1 for a, b in edges if a in depth and b in depth and depth[b] <= depth[a]}
        if not moved:
            break
        depth |= moved
    return depth


def _mean_y(node: Node, graph: Graph, places: Mapping[str, tuple[int, int]]) -> float:
    before = [places[a][1] for a, b in graph.edges if b == node.id and a in places]
    return sum(before) / len(before) if before else 0.0


def _arrow(start: tuple[int, int], end: tuple[int, int]) -> Arrow:
    x1, y1, x2, y2 = start[0] + WIDTH, start[1] + HEIGHT // 2, end[0], end[1] + HEIGHT // 2
    bend = max(18, (x2 - x1) // 2)
    return Arrow(path=f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 5} {y2}")
