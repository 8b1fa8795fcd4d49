"""The task that begins every run on a cluster: the record that its stages and the task that ends it add to."""

from kfp import dsl

from components.core.images import image


@dsl.component(base_image=image("close_run"), install_kfp_package=False)
def open_run(  # noqa: PLR0913 (KFP takes every parameter as an argument)
    run_id: str,
    cluster: str,
    held: str,
    code_version: str,
    profile: str,
    corpora: list,
    data_revision: str,
    encoder: str,
    llm: str,
    ingest_audio_settings: dict,
    extract_metadata_settings: dict,
    self_generate_settings: dict,
    validate_data_settings: dict,
    train_model_settings: dict,
    evaluate_model_settings: dict,
) -> str:
    """Begin the record of the run in the home that its pods share, and return the revision of its data.

    What its stages hold comes as JSON in a string: Kubeflow would make floats of the counts.
    """
    from pipelines.cluster.pod import in_pod

    parameters = {
        "corpora": corpora,
        "data_revision": data_revision,
        "encoder": encoder,
        "llm": llm,
        "ingest_audio_settings": ingest_audio_settings,
        "extract_metadata_settings": extract_metadata_settings,
        "self_generate_settings": self_generate_settings,
        "validate_data_settings": validate_data_settings,
        "train_model_settings": train_model_settings,
        "evaluate_model_settings": evaluate_model_settings,
    }

    def work() -> str:
        from components.core.home import current_home
        from pipelines.cluster.recording import Asked, opened
        from pipelines.cost.devices import Held

        asked = Asked(
            run_id=run_id,
            cluster=cluster,
            held=Held.model_validate_json(held),
            code_version=code_version,
            profile=profile,
            parameters=parameters,
        )
        return opened(asked, current_home())

    return in_pod(work)
