"""What a model would be made of, before anything is trained or fetched."""

from collections.abc import Mapping

from components.core.home import Home
from components.core.models.adapter import fit_adapter
from components.core.models.description import ModelDescription, describe
from components.core.models.known_models import config_of
from components.core.models.store import ENCODER, LLM
from components.core.settings import checked
from components.train_model.settings import TrainModelSettings


def describe_model(encoder: str | None, llm: str | None, form: Mapping[str, str], home: Home) -> ModelDescription:
    """Count what train_model would train between two models, the embedded ones by default, with these settings of it.

    Raises:
        ConfigurationError: a model is not known, or a setting does not hold for it.
    """
    encoder, llm = encoder or ENCODER, llm or LLM
    settings = checked("train_model", TrainModelSettings, form)
    sizes, llm_sizes = config_of(encoder, home.models), config_of(llm, home.models)
    adapter = fit_adapter(sizes, llm_sizes, settings.form, settings.layers)
    return describe(encoder, sizes, llm, llm_sizes, adapter)
