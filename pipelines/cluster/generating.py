"""Who answers for self_generate on a cluster, as its profile says."""

from components.core.contracts.errors import ConfigurationError
from components.self_generate.settings import SelfGenerateSettings
from pipelines.cluster.profile import ClusterProfile


def generation_on(cluster: ClusterProfile, settings: SelfGenerateSettings) -> SelfGenerateSettings:
    """Return the settings with the servers of the cluster, or with the GPUs that each shard has.

    A server that the settings name is asked instead.

    Raises:
        ConfigurationError: the settings say over how many GPUs, which the profile does.
    """
    if "tensor_parallel" in settings.model_fields_set:
        raise ConfigurationError(
            f"self_generate.tensor_parallel: on a cluster this is how many accelerators the stage has; leave it out,"
            f" and set stages.self_generate.accelerator.count in the profile of {cluster.name}"
        )
    if settings.server:
        return settings
    if cluster.generator:
        return settings.model_copy(update={"server": cluster.generator.server})
    accelerator = cluster.stages["self_generate"].accelerator
    return settings.model_copy(update={"tensor_parallel": accelerator.count}) if accelerator else settings
