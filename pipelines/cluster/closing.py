"""The task that ends every run on a cluster, however it went: the record of the run, and its entry in MLflow."""

from kfp import dsl

from components.core.images import image


@dsl.component(base_image=image("evaluate_model"), install_kfp_package=False)
def close_run(  # noqa: PLR0913 (KFP takes every parameter as an argument)
    run_id: str,
    started: str,
    profile: str,
    code_version: str,
    data_revision: str,
    encoder: str,
    llm: str,
    status: dsl.PipelineTaskFinalStatus,
) -> None:
    """Record how the run ended in the home that its stages share and in MLflow, and say it in the log."""
    import time
    from datetime import datetime

    from components.core.home import current_home
    from components.core.runs import RunRecord, State, write_run
    from components.core.tracking import RunTracking

    mlflow_status = {"SUCCEEDED": "FINISHED", "CANCELLED": "KILLED"}.get(status.state, "FAILED")
    started_s = datetime.fromisoformat(started).timestamp()
    record = RunRecord(
        run_id=run_id,
        profile=profile,
        state=State.SUCCEEDED if mlflow_status == "FINISHED" else State.FAILED,
        pid=0,  # no driver of ours: Kubeflow's
        process_started_s=started_s,
        started_s=started_s,
        seconds=max(0.0, time.time() - started_s),
        parameters={"encoder": encoder, "llm": llm, "data_revision": data_revision},
        data_revision=data_revision,
        code_version=code_version,
        error=status.error_message or None,
    )
    folder = current_home().runs / run_id
    write_run(folder, record)
    RunTracking(current_home(), folder).close(mlflow_status)
    print(f"run {run_id}: {status.state.lower()} {status.error_message or ''}".rstrip())
