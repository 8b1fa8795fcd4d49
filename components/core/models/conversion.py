"""Turns the files of a model, however they were published, into the one form that all stages load."""

from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.models.layout import check_folder, copy_folder, pickles_in


def convert(source: Path, target: Path) -> None:
    """Fill the empty folder `target` with safetensors, configuration and tokenizer, from what `source` holds.

    Raises:
        ConfigurationError: `source` holds no model, several, only pickles, or one that lacks a part.
        ContractError: a file of it is damaged or not what its format promises.
    """
    ggufs = sorted(source.glob("*.gguf"))
    if any(source.glob("*.safetensors")):
        copy_folder(source, target)
    elif len(ggufs) > 1:
        raise ConfigurationError(f"{', '.join(file.name for file in ggufs)}: several models; keep one of them")
    elif ggufs:
        from components.core.models.gguf import convert_gguf

        convert_gguf(ggufs[0], target)
    elif (source / "model.bin").is_file():
        from components.core.models.ctranslate2 import convert_whisper

        convert_whisper(source, target)
    elif pickles := pickles_in(source):
        raise ConfigurationError(f"{pickles[0]}: pickled weights, which can run code; save the model as safetensors")
    check_folder(target)
