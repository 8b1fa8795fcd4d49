"""The Kubeflow interface of ingest_audio: parameters in, artifacts out, no logic."""

from typing import Any

from kfp import dsl

from components.core.images import image


@dsl.component(base_image=image("ingest_audio"), install_kfp_package=False)
def ingest_audio(
    corpora: list[str],
    data_revision: str,  # noqa: ARG001
    settings: dict[str, Any],
    clips: dsl.Output[dsl.Dataset],
) -> None:
    """Decode the audio of corpora into clips: mono, 16 kHz, named by their samples; refuse the rest by name.

    `data_revision` tells a reader of the run which corpora these were; the stage itself knows them by content.
    """
    from components.core.settings import as_flags
    from components.ingest_audio.__main__ import main

    named = [part for corpus in corpora for part in ("--corpus", corpus)]
    main([*named, "--clips", clips.path, *as_flags(settings)])
