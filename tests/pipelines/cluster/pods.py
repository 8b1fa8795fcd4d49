"""The tasks of a run on a cluster as pods do them: with a pod's variables, and arguments as Kubeflow gives them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from kfp import dsl

from components.core.home import Home
from components.core.privacy import PRIVATE_ENVIRONMENT
from pipelines.cluster.closing import close_run
from pipelines.cluster.devices import held_on
from pipelines.cluster.opening import open_run
from pipelines.cluster.profile import cluster_at
from pipelines.cluster.word import Word
from pipelines.profiles import Profile
from pipelines.revision import data_revision
from tests.pipelines.results import finish_stages, make_corpus


@dataclass(frozen=True)
class Pods:
    """A home that pods share, and what runs in it are asked for."""

    home: Home
    profile: Profile
    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def of_corpus(self, name: str) -> "Pods":
        """Ask for the sounds of another corpus."""
        corpus = make_corpus(self.home.root.parent / name, hertz=300.0)
        return replace(self, profile=replace(self.profile, corpora=(corpus,)))

    def begin(self, run_id: str, **changes: Any) -> str:
        """Do the first task."""
        asked = self.profile.parameters(data_revision(self.profile.corpora, self.home))
        with self._pod(run_id):
            revision: str = open_run.python_func(
                run_id=run_id,
                cluster="laptop",
                held=held_on(cluster_at("laptop")).model_dump_json(),
                code_version="c0de",
                profile=self.profile.name,
                **_as_kubeflow({**asked, **changes}),
            )
        return revision

    def stages(self, run_id: str, refusals: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """Do the stages, in one process: a test of the whole graph gives each its own."""
        with self._pod(run_id):
            finish_stages(self.home, self.profile, refusals, word=self.profile.corpora[0].name)

    def end(
        self, run_id: str, state: str = "SUCCEEDED", error: str = "", keys: Mapping[str, str] | None = None
    ) -> tuple[Word, int]:
        """Do the last task, and return what its log says and its exit code."""
        self.capsys.readouterr()
        code = 0
        with self._pod(run_id):
            try:
                close_run.python_func(run_id, dict(keys or {}), _status(state, error))
            except SystemExit as ended:
                code = int(ended.code or 0)
        word = Word.last_in(self.capsys.readouterr().out.splitlines())
        assert word is not None
        return word, code

    def run(self, run_id: str, refusals: Mapping[str, tuple[str, ...]] | None = None) -> tuple[Word, int]:
        """Do all tasks of a run whose gates let it through, or whose last one refuses."""
        self.begin(run_id)
        self.stages(run_id, refusals)
        return self.end(run_id)

    @contextmanager
    def _pod(self, run_id: str) -> Iterator[None]:
        with self.patch.context() as pod:
            pod.setenv("DESTA_RUN_ID", run_id)
            pod.delenv("DESTA_RUN_DIR", raising=False)
            for name, value in PRIVATE_ENVIRONMENT.items():  # the task sets them too, and this sets them back
                pod.setenv(name, value)
            yield


def _status(state: str, error: str) -> dsl.PipelineTaskFinalStatus:
    return dsl.PipelineTaskFinalStatus(
        state=state,
        pipeline_job_resource_name="j",
        pipeline_task_name="exit-handler-1",
        error_code=1 if error else None,
        error_message=error,
    )


def _as_kubeflow(value: Any) -> Any:
    """Return a value as it comes through Kubeflow: every number is a float."""
    if isinstance(value, dict):
        return {name: _as_kubeflow(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_kubeflow(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
