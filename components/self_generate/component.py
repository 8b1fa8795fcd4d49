"""The Kubeflow interfaces of self_generate, whole or in shards: parameters in, artifacts out, no logic."""

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


@dsl.component(base_image=image("self_generate"), install_kfp_package=False)
def generate_shard(
    descriptions: dsl.Input[dsl.Dataset],
    llm: str,
    settings: dict,
    shard: int,
    shards: int,
    samples: dsl.Output[dsl.Dataset],
) -> None:
    """Answer the questions of one of several shards."""
    from components.core.settings import as_flags
    from components.self_generate.generate_shard import main

    argv = ["--descriptions", descriptions.path, "--llm", llm, "--samples", samples.path]
    main([*argv, *as_flags({**settings, "shard": shard, "shards": shards})])


@dsl.component(base_image=image("self_generate"), install_kfp_package=False)
def merge_shards(
    descriptions: dsl.Input[dsl.Dataset], shards: dsl.Input[list[dsl.Dataset]], samples: dsl.Output[dsl.Dataset]
) -> None:
    """Put the shards of one run together: every sample exactly once, as the stage writes them without shards."""
    from components.self_generate.merge_shards import main

    named = [part for shard in shards for part in ("--shard", shard.path)]
    main(["--descriptions", descriptions.path, *named, "--samples", samples.path])
