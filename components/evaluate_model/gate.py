"""Whether a model may be registered: the policy line by line."""

from collections.abc import Iterator, Mapping

from components.evaluate_model.policy import Bound
from components.evaluate_model.report import Estimate


def refusals(figures: Mapping[str, Estimate], minimum: Mapping[str, Bound]) -> tuple[str, ...]:
    """Return one text for each line of the policy that the figures do not meet; none means passed."""
    return tuple(line for name, bound in minimum.items() for line in _missed(name, figures.get(name), bound))


def _missed(name: str, figure: Estimate | None, bound: Bound) -> Iterator[str]:
    if figure is None:
        yield f"minimum.{name}: there is no such figure; there are the names in report.json"
        return
    where, value = f"minimum.{name}", f"{name} is {figure.value:.3f}"
    if bound.at_least is not None and not figure.value >= bound.at_least:
        yield f"{where}.at_least: {value}, want at least {bound.at_least:g}"
    if bound.at_most is not None and not figure.value <= bound.at_most:
        yield f"{where}.at_most: {value}, want at most {bound.at_most:g}"
    if bound.above is None:
        return
    if figure.low is None:
        yield f"{where}.above: {name} has no interval; use at_least or at_most"
    elif not figure.low > bound.above:
        yield f"{where}.above: {value}, its 95 % interval begins at {figure.low:.3f}, want it above {bound.above:g}"
