"""A small model's folder: a real causal language model's files with a few weights in them."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def make_model_folder(folder: Path, *, weight: float = 0.5, model_type: str = "llama") -> Path:
    """Write a folder that the store accepts; another `weight` makes another model."""
    folder.mkdir(parents=True)
    save_file({"embed": np.full((4, 4), weight, dtype=np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    return folder
