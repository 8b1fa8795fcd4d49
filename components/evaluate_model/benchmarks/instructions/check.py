"""What a rule makes of a constraint's arguments: a check of responses."""

from collections.abc import Callable

from components.evaluate_model.benchmarks.instructions.arguments import Arguments

Check = Callable[[str], bool]
"""Tells whether a response does as it was told; a response without a visible character is never asked about."""
Rule = Callable[[Arguments], Check]
"""Reads the arguments of a constraint, and says what is wrong with them, before any response is seen."""
