"""How an answer is to be drawn, checked where a person says it."""

from pydantic import ValidationError

from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Decoding


def decoding_of(max_tokens: int, temperature: float, top_p: float, seed: int, *, mark: str = "") -> Decoding:
    """Return how to draw an answer; `mark` stands before the names in errors, such as the dashes of a flag.

    Raises:
        ConfigurationError: a value is out of its range.
    """
    try:
        return Decoding(temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigurationError(f"{mark}{first['loc'][0]} {first['input']!r}: {first['msg']}") from error
