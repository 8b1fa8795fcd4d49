"""The Kubeflow interface of validate_data: parameters in, artifacts out, no logic."""

from typing import Any

from kfp import dsl

from components.core.images import image


@dsl.component(base_image=image("validate_data"), install_kfp_package=False)
def validate_data(
    samples: dsl.Input[dsl.Dataset],
    clips: dsl.Input[dsl.Dataset],
    llm: str,
    settings: dict[str, Any],
    accepted: dsl.Output[dsl.Dataset],
) -> None:
    """Accept the samples that are fit to train on and keep the others with their reason."""
    from components.core.settings import as_flags
    from components.validate_data.__main__ import main

    argv = ["--samples", samples.path, "--clips", clips.path, "--llm", llm, "--accepted", accepted.path]
    main([*argv, *as_flags(settings)])
