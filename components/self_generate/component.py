"""The Kubeflow interface of self_generate: parameters in, artifacts out, no logic."""

from kfp import dsl

from components.core.images import image


@dsl.component(base_image=image("self_generate"), install_kfp_package=False)
def self_generate(
    descriptions: dsl.Input[dsl.Dataset], llm: str, settings: dict, samples: dsl.Output[dsl.Dataset]
) -> None:
    """Let the frozen backbone answer questions about each clip from its description: the training targets."""
    from components.core.settings import as_flags
    from components.self_generate.__main__ import main

    main(["--descriptions", descriptions.path, "--llm", llm, "--samples", samples.path, *as_flags(settings)])
