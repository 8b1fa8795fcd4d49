"""The task that ends every run on a cluster, however it went: its record, its model in the registry, its bundle."""

from kfp import dsl

from components.core.images import image


@dsl.component(base_image=image("close_run"), install_kfp_package=False)
def close_run(run_id: str, keys: dict, status: dsl.PipelineTaskFinalStatus) -> None:
    """End the record of the run in the home that its pods share, and say in the log how it ended."""
    from pipelines.cluster.pod import in_pod

    def work() -> None:
        from components.core.home import current_home
        from pipelines.cluster.recording import Ended, closed
        from pipelines.cluster.word import Word

        ending = closed(Ended(run_id, keys, status.state, status.error_message or None), current_home())
        word = Word(state=ending.state, exit_code=ending.exit_code, error=ending.error)
        print(word.as_line(), flush=True)
        if word.contradicts(status.state):
            raise SystemExit(word.exit_code)

    in_pod(work)
