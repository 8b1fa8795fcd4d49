"""The graph for a cluster: the same six stages, placed as the cluster's profile says, with a task that ends the run."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kfp import dsl, kubernetes
from kfp.compiler.compiler_utils import KubernetesManifestOptions
from kfp.dsl.pipeline_context import Pipeline

from components.core.digests import code_digest, digest_of_bytes
from components.core.stages import STAGES
from components.self_generate.component import generate_shard, merge_shards, self_generate
from pipelines.alignment import alignment_with, write_compiled
from pipelines.cluster.closing import close_run
from pipelines.cluster.devices import held_on
from pipelines.cluster.opening import open_run
from pipelines.cluster.profile import ClusterProfile, Placement
from pipelines.images.compiled import with_images
from pipelines.images.records import Image

NAME = "alignment"
"""What the pipeline is called on a cluster."""
PROFILE = "profile"
"""The parameter that a pipeline has on a cluster alone: what the run is called by those who ask for it."""
_RUN_ID = "metadata.labels['pipeline/runid']"
"""Where Kubeflow writes the run's id on each of its pods. A variable of a graph cannot hold a placeholder for it."""
Configure = Callable[[Any, Placement, str | None], Any]


def compile_on(
    cluster: ClusterProfile,
    file: Path,
    keys: Mapping[str, str] | None = None,
    *,
    images: Mapping[str, Image] | None = None,
    manifests: bool = False,
) -> None:
    """Write the graph for a cluster as IR YAML, or as Kubernetes' manifests of a pipeline and its version.

    `keys` are content keys under which Kubeflow itself may reuse the result of a stage; without them it never does.

    Raises:
        ConfigurationError: the file's name does not end as Kubeflow wants it.
        SourceError: the file cannot be written.
    """
    write_compiled(with_images(on_cluster(cluster, keys or {}), images or {}), file)
    if manifests:
        # A version cannot change once it is there, so another content has another name.
        named = KubernetesManifestOptions(
            namespace=cluster.namespace,
            pipeline_version_name=f"{NAME}-{digest_of_bytes(file.read_bytes())[:12]}",
            include_pipeline_manifest=True,
        )
        graph = with_images(on_cluster(cluster, keys or {}), images or {})
        write_compiled(graph, file, kubernetes_manifest_format=True, kubernetes_manifest_options=named)


def on_cluster(cluster: ClusterProfile, keys: Mapping[str, str]) -> Any:
    """Return the graph as a cluster runs it."""

    def configure(task: Any, placement: Placement, stage: str | None) -> Any:
        return configured(task, placement, stage, cluster)

    generate = in_shards(cluster, configure) if cluster.shards > 1 else self_generate
    graph = alignment_with(generate)
    asked_for = inspect.Parameter(PROFILE, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str)
    parameters = {PROFILE: asked_for, **inspect.signature(graph.pipeline_func).parameters}

    def alignment(*values: Any) -> None:
        given = dict(zip(parameters, values, strict=True))
        with dsl.ExitHandler(configure(_ended(keys), cluster.small, None)):
            begun = configure(_begun(cluster, given), cluster.small, None)
            asked = {name: value for name, value in given.items() if name != PROFILE}
            # The stages begin when the run has begun, because that says which data it reads.
            graph.pipeline_func(**{**asked, "data_revision": begun.output})
        tasks = Pipeline.get_default_pipeline().tasks
        for stage in STAGES:
            task = tasks[stage.name.replace("_", "-")]
            if task.container_spec is None:  # the pipeline of shards has placed its own
                task.set_caching_options(False)
                continue
            configure(task, cluster.pod(stage.name), stage.name)
            task.set_caching_options(stage.name in keys, keys.get(stage.name))

    alignment.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
    return dsl.pipeline(name=NAME, description=graph.description)(alignment)


def _begun(cluster: ClusterProfile, given: Mapping[str, Any]) -> Any:
    """Return the task that begins the run; Kubeflow would else skip it where the same run had begun before."""
    task = open_run(
        run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        cluster=cluster.name,
        held=held_on(cluster).model_dump_json(),
        code_version=code_digest("components", "pipelines"),
        **given,
    )
    return task.set_caching_options(False)


def _ended(keys: Mapping[str, str]) -> Any:
    """Return the task that ends the run, which is not skipped either."""
    return close_run(run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER, keys=dict(keys)).set_caching_options(False)


def in_shards(cluster: ClusterProfile, configure: Configure) -> Any:
    """Return self_generate as a pipeline: one task for each shard, and one that puts them together.

    It is a pipeline of its own because Kubeflow's server fails on a loop that stands directly in an exit handler. No
    key of ours is good for several shards, so none of them is reused but by the store.
    """
    stage = "self_generate"

    @dsl.pipeline(name="self-generate", description="The answers of all shards, as the stage writes them alone.")
    def self_generate(descriptions: dsl.Input[dsl.Dataset], llm: str, settings: dict) -> dsl.Dataset:  # type: ignore[type-arg]
        with dsl.ParallelFor(list(range(cluster.shards))) as shard:
            part = generate_shard(
                descriptions=descriptions, llm=llm, settings=settings, shard=shard, shards=cluster.shards
            )
            configure(part, cluster.stages[stage], stage).set_caching_options(False)
        whole = merge_shards(descriptions=descriptions, shards=dsl.Collected(part.output))
        configure(whole, cluster.small, None).set_caching_options(False)
        return whole.output

    return self_generate


def configured(task: Any, placement: Placement, stage: str | None, cluster: ClusterProfile) -> Any:
    """Give a task its resources, retries, time, nodes, volumes, account, variables and secrets by reference."""
    _placed(task, placement)
    for volume in (cluster.home, cluster.models):
        kubernetes.mount_pvc(task, pvc_name=volume.claim, mount_path=volume.path)
    kubernetes.use_field_path_as_env(task, "DESTA_RUN_ID", _RUN_ID)
    kubernetes.set_security_context(task, run_as_user=cluster.run_as_user, run_as_non_root=True)
    kubernetes.use_config_map_as_env(task, cluster.config_map.name, {key: key for key in cluster.config_map.keys})
    for secret in cluster.secrets:
        if secret.is_for(stage):
            kubernetes.use_secret_as_env(task, secret.secret, {secret.key: secret.env})
    return task


def _placed(task: Any, placement: Placement) -> None:
    task.set_cpu_request(placement.cpu).set_cpu_limit(placement.cpu)
    task.set_memory_request(placement.memory).set_memory_limit(placement.memory)
    if accelerator := placement.accelerator:
        task.set_accelerator_type(accelerator.type).set_accelerator_limit(accelerator.count)
        if accelerator.count > 1:  # they speak with each other through it, and a pod has 64 MB of it
            kubernetes.empty_dir_mount(task, "shared-memory", "/dev/shm", "Memory", "8Gi")  # noqa: S108
    retry = placement.retry
    if retry.count:
        task.set_retry(retry.count, f"{retry.backoff_s}s", retry.factor, f"{retry.max_s}s")
    kubernetes.set_timeout(task, placement.timeout_s)
    for label, value in placement.node_selector.items():
        kubernetes.add_node_selector(task, label, value)
    for toleration in placement.tolerations:
        kubernetes.add_toleration(task, **toleration.model_dump())
