"""The Kubeflow interface of evaluate_model: parameters in, artifacts out, no logic."""

from kfp import dsl

from components.core.images import image


@dsl.component(base_image=image("evaluate_model"), install_kfp_package=False)
def evaluate_model(
    model: dsl.Input[dsl.Model],
    accepted: dsl.Input[dsl.Dataset],
    clips: dsl.Input[dsl.Dataset],
    encoder: str,
    llm: str,
    settings: dict,
    report: dsl.Output[dsl.Dataset],
) -> None:
    """Measure a trained model on clips it has never heard, and decide whether it may be registered."""
    from components.core.settings import as_flags
    from components.evaluate_model.__main__ import main

    argv = ["--model", model.path, "--accepted", accepted.path, "--clips", clips.path]
    main([*argv, "--encoder", encoder, "--llm", llm, "--report", report.path, *as_flags(settings)])
