"""The Kubeflow interface of extract_metadata: parameters in, artifacts out, no logic."""

from typing import Any

from kfp import dsl

from components.core.images import image


@dsl.component(base_image=image("extract_metadata"), install_kfp_package=False)
def extract_metadata(
    clips: dsl.Input[dsl.Dataset], encoder: str, settings: dict[str, Any], descriptions: dsl.Output[dsl.Dataset]
) -> None:
    """Describe each clip in words: who says what, and how it sounds."""
    from components.core.settings import as_flags
    from components.extract_metadata.__main__ import main

    argv = ["--clips", clips.path, "--encoder", encoder]
    main([*argv, "--descriptions", descriptions.path, *as_flags(settings)])
