"""The Kubeflow interface of train_model: parameters in, artifacts out, no logic."""

from kfp import dsl

from components.core.images import image


@dsl.component(base_image=image("train_model"), install_kfp_package=False)
def train_model(
    accepted: dsl.Input[dsl.Dataset],
    clips: dsl.Input[dsl.Dataset],
    encoder: str,
    llm: str,
    settings: dict,
    model: dsl.Output[dsl.Model],
) -> None:
    """Train the adapter between a frozen audio encoder and the frozen LLM that wrote the samples."""
    from components.core.settings import as_flags
    from components.train_model.__main__ import main

    argv = ["--accepted", accepted.path, "--clips", clips.path, "--encoder", encoder, "--llm", llm]
    main([*argv, "--model", model.path, *as_flags(settings)])
