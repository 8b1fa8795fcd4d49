"""MLflow's view of a run, written from facts: the records of its stages, the manifests of their results, metric lines.

One parent run for each `desta run`, one nested run for each stage, every artifact a dataset, the model in the registry.
MLflow keeps 36 characters of a dataset's digest: the whole sha256 stands in the dataset's source and on its tags.
"""

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import DatasetInput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor
from mlflow.tracking import MlflowClient

from components.core.contracts.artifacts import MANIFEST, Manifest, read_manifest
from components.core.home import Home
from components.core.logged_models import LOGGED_MODEL, log_evaluation, logged_model_of
from components.core.mlflow_forms import (
    about,
    as_input,
    dataset,
    evaluation_text,
    flat_parameters,
    increment_of,
    metrics_of,
    numbers,
)
from components.core.registry import EVALUATION, EVALUATION_RUN, MODEL_NAME, Registry
from components.core.runs import (
    ModelVersion,
    StageRecord,
    Standing,
    State,
    TrackingRecord,
    metrics_file,
    read_run,
    read_stage,
    read_tracking,
    write_tracking,
)
from components.core.settings import flat
from components.core.stages import STAGES, stage_named

EXPERIMENT = "desta"
_PER_BATCH = 100
# Rows and weights stay in the store; what people read goes to MLflow too. So do the rows of an evaluation: they are
# small, and later models are compared with them.
_BULK = {".parquet", ".safetensors"}

for _noisy in ("alembic", "mlflow.store.db.utils", "mlflow.system_metrics.system_metrics_monitor"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)


class RunTracking:
    """Tells MLflow about one run: `catch_up` as often as you like while it goes on, then `close`.

    A run whose model passed its gate calls `register` before that, and `tell_champion` when that was decided. Another
    process may go on where one stopped or was killed: what it told is there, and is not told twice.
    """

    def __init__(self, home: Home, run_dir: Path) -> None:
        """Open the parent run, or attach to the one that MLFLOW_RUN_ID names, which its owner then ends."""
        self._run_dir, self._record = run_dir, read_run(run_dir)
        known = read_tracking(run_dir)
        self._tracking_uri, self._registry = home.tracking_uri, Registry(home)
        self._client = MlflowClient(self._tracking_uri, self._tracking_uri)
        self._attached = os.environ.get("MLFLOW_RUN_ID")
        owned = self._client.get_run(self._attached).info.experiment_id if self._attached else None
        self._experiment = owned or _experiment(self._client, home)
        told = known.mlflow_run_id if known else None
        self._parent = self._attached or told or self._open(self._record.run_id, self._record.started_s, {})
        self._nested: dict[str, str] = {}
        self._ended: dict[str, StageRecord] = {}
        self._read_bytes: dict[str, int] = {}
        self._machine: dict[str, SystemMetricsMonitor] = {}
        self._known = TrackingRecord(mlflow_run_id=self._parent, attached=bool(self._attached))
        self._keep(**({"model": known.model, "champion": known.champion} if known else {}))
        self._describe_parent()
        if known and not self._attached:
            self._go_on()

    @property
    def champion(self) -> Standing | None:
        """Who is champion after this run, once that was decided."""
        return self._known.champion

    def catch_up(self) -> None:
        """Log what happened since the last call: stages that began or ended, and new metric lines."""
        for stage in STAGES:
            record = read_stage(self._run_dir, stage.name)
            if record and stage.name not in self._ended:
                if stage.name not in self._nested:
                    tags = {"mlflow.parentRunId": self._parent, "desta.stage": stage.name}
                    self._nested[stage.name] = self._open(stage.name, record.started_s, tags)
                    if record.state is State.RUNNING:
                        self._watch_machine(stage.name)
                self._stream(stage.name)
                if record.state is not State.RUNNING:
                    self._end_stage(record)

    def close(self, status: str) -> None:
        """End the parent run as `status` (FINISHED, FAILED or KILLED)."""
        self.catch_up()
        for name in self._nested.keys() - self._ended.keys():
            self._leave_machine(name)
            self._client.set_terminated(self._nested[name], status)
        record = read_run(self._run_dir)
        tags = {"desta.state": record.state} | ({"desta.error": record.error} if record.error else {})
        evaluated = self._ended.get("evaluate_model")
        metrics = {"seconds": record.seconds} | (numbers(evaluated.facts) if evaluated else {})
        self._log(self._parent, metrics, {}, tags)
        if not self._attached:
            self._client.set_terminated(self._parent, status)

    def register(self) -> ModelVersion:
        """Return the version of this run's model, a new one only when these very weights have none yet."""
        self.catch_up()
        trained = self._ended["train_model"].outputs["model"]
        version = self._registry.version_of(trained.digest) or self._new_version(trained.digest, Path(trained.path))
        self._describe(version)
        model = ModelVersion(name=MODEL_NAME, version=str(version.version), digest=trained.digest)
        self._keep(model=model)
        return model

    def tell_champion(self, standing: Standing, documents: Path) -> None:
        """Keep who is champion after this run and why, and the documents of the comparison where there was one."""
        self._keep(champion=standing)
        if documents.is_dir():
            self._client.log_artifacts(self._parent, str(documents), documents.name)
        tags = {"desta.champion": standing.version, "desta.champion.reason": standing.reason}
        self._log(self._parent, {}, {}, tags)

    def _keep(self, **facts: ModelVersion | Standing | None) -> None:
        self._known = self._known.model_copy(update=facts)
        write_tracking(self._run_dir, self._known)

    def _go_on(self) -> None:
        """Find the stages that an earlier process told of; those that it ended are told."""
        for run in nested_in(self._client, self._experiment, self._parent):
            self._nested[name := str(run.info.run_name)] = str(run.info.run_id)
            if run.info.status != "RUNNING" and (record := read_stage(self._run_dir, name)):
                self._ended[name] = record

    def _open(self, name: str, started_s: float, tags: Mapping[str, str]) -> str:
        run = self._client.create_run(
            self._experiment, start_time=int(started_s * 1000), tags={**tags, **about(self._record)}, run_name=name
        )
        return str(run.info.run_id)

    def _describe_parent(self) -> None:
        self._log(self._parent, {}, dict(flat_parameters(self._record.parameters)), about(self._record))

    def _watch_machine(self, stage: str) -> None:
        """Log processor, memory, disk, network and GPU of this machine while a stage runs on it (MLflow's monitor)."""
        self._machine[stage] = SystemMetricsMonitor(self._nested[stage], tracking_uri=self._tracking_uri)
        self._machine[stage].start()

    def _leave_machine(self, stage: str) -> None:
        if stage in self._machine:
            self._machine.pop(stage).finish()

    def _stream(self, stage: str) -> None:
        """Log the whole lines that a stage wrote since the last look; a line still being written waits."""
        file = metrics_file(self._run_dir, stage)
        if not file.is_file():
            return
        with file.open("rb") as lines:
            lines.seek(self._read_bytes.get(stage, 0))
            new = lines.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read_bytes[stage] = self._read_bytes.get(stage, 0) + len(whole)
        metrics = [metric for line in whole.splitlines() for metric in metrics_of(json.loads(line))]
        for start in range(0, len(metrics), _PER_BATCH):
            self._client.log_batch(self._nested[stage], metrics=metrics[start : start + _PER_BATCH])

    def _end_stage(self, record: StageRecord) -> None:
        run_id = self._nested[record.stage]
        self._leave_machine(record.stage)
        self._ended[record.stage] = record
        if record.outputs:
            self._log_result(run_id, record)
        tags = {"desta.state": record.state, "desta.reused": str(record.reused).lower()}
        tags |= {"desta.error": record.error} if record.error else {}
        counts = {"seconds": record.seconds, "rows_in": record.rows_in, "rows_out": record.rows_out}
        refused = {f"refused.{reason}": count for reason, count in record.refused.items()}
        self._log(run_id, {**counts, **refused, **increment_of(record), **numbers(record.facts)}, {}, tags)
        status = "FAILED" if record.state is State.FAILED else "FINISHED"
        self._client.set_terminated(run_id, status, int((record.started_s + record.seconds) * 1000))

    def _log_result(self, run_id: str, record: StageRecord) -> None:
        stage = stage_named(record.stage)
        output = record.outputs[stage.output]
        folder = Path(output.path)
        manifest = read_manifest(folder)
        lineage = manifest.lineage
        tags = {"desta.key": lineage.key, "desta.code": lineage.code, "desta.digest": output.digest}
        tags |= {"desta.path": output.path} | {f"desta.model.{name}": d for name, d in lineage.models.items()}
        tags |= {f"desta.input.{name}": digest for name, digest in lineage.inputs.items()}
        self._log(run_id, {}, {name: str(value) for name, value in flat(lineage.settings)}, tags)
        self._client.log_inputs(run_id, [*self._inputs(manifest), dataset(stage.output, output.path, manifest)])
        # The documents of a reused result are with the run that made it; the manifest alone says what it is.
        self._client.log_artifact(run_id, str(folder / MANIFEST))
        if not record.reused:
            self._log_documents(record.stage, folder, manifest)

    def _log_documents(self, stage: str, folder: Path, manifest: Manifest) -> None:
        for path in documents_of(stage, manifest):
            parent = str(Path(path).parent)
            self._client.log_artifact(self._nested[stage], str(folder / path), None if parent == "." else parent)

    def _inputs(self, manifest: Manifest) -> Iterator[DatasetInput]:
        for word, maker in stage_named(manifest.lineage.stage).inputs.items():
            if maker in self._ended:
                made = self._ended[maker].outputs[stage_named(maker).output]
                yield dataset(word, made.path, read_manifest(Path(made.path)), context="input")
            else:  # the run took a result as it was published, and what that was made from is not here
                yield as_input(word, {"uri": f"stage:{maker}", "sha256": manifest.lineage.inputs[word]}, {}, "input")
        for corpus, digest in manifest.lineage.sources.items():
            yield as_input(corpus, {"uri": f"corpus:{corpus}", "sha256": digest}, {}, "input")

    def _new_version(self, digest: str, folder: Path) -> Any:
        run_id = self._nested["train_model"]
        self._client.log_artifacts(run_id, str(folder), "model")
        lineage = read_manifest(folder).lineage
        tags = {**about(self._record), "desta.digest": digest, "desta.key": lineage.key}
        tags |= {"desta.use": str(lineage.settings["use"])}
        tags |= {f"desta.input.{name}": d for name, d in lineage.inputs.items()}
        tags |= {f"desta.model.{name}": d for name, d in lineage.models.items()}
        return self._registry.add(f"{self._client.get_run(run_id).info.artifact_uri}/model", run_id, tags)

    def _describe(self, version: Any) -> None:
        """Let a version name its evaluation and the run with the files of that, unless it does already."""
        evaluated, run_id = self._ended["evaluate_model"], self._nested["evaluate_model"]
        report = evaluated.outputs["report"]
        if version.tags.get(EVALUATION) == report.digest and EVALUATION_RUN in version.tags:
            return
        if evaluated.reused:  # the run that made it may have been killed before MLflow had its files
            self._log_documents("evaluate_model", Path(report.path), read_manifest(Path(report.path)))
        figures, accepted = numbers(evaluated.facts), self._ended["validate_data"].outputs["accepted"]
        model_id = logged_model_of(self._client, self._experiment, version)
        log_evaluation(self._client, run_id, model_id, figures, accepted, int(time.time() * 1000))
        # The digest comes last: a version that has it has all of them.
        tags = {name: f"{value:.4f}" for name, value in figures.items()}
        tags |= {LOGGED_MODEL: model_id, EVALUATION_RUN: run_id, EVALUATION: report.digest}
        self._registry.describe(str(version.version), evaluation_text(figures), tags)

    def _log(
        self, run_id: str, metrics: Mapping[str, float], params: Mapping[str, str], tags: Mapping[str, str]
    ) -> None:
        now_ms = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, now_ms, 0) for name, value in metrics.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )
        rows = [Param(name, value) for name, value in params.items()]
        for start in range(0, len(rows), _PER_BATCH):
            self._client.log_batch(run_id, params=rows[start : start + _PER_BATCH])


def documents_of(stage: str, manifest: Manifest) -> list[str]:
    """Return the files of a result that MLflow gets: those that people read, and all of an evaluation."""
    bulk = set() if stage == "evaluate_model" else _BULK
    paths = (entry.path for entry in (*manifest.files, *manifest.attachments))
    return [path for path in paths if Path(path).suffix not in bulk]


def end_abandoned(home: Home, left: TrackingRecord) -> None:
    """End as KILLED what a killed driver left open: the stages, and the run unless it is another's."""
    client = MlflowClient(home.tracking_uri, home.tracking_uri)
    try:
        parent = client.get_run(left.mlflow_run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return  # somebody removed MLflow's database in the meantime
        raise
    nested = nested_in(client, parent.info.experiment_id, left.mlflow_run_id)
    for run in (*nested, *([] if left.attached else [parent])):
        if run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "KILLED")


def nested_in(client: MlflowClient, experiment: str, parent: str) -> list[Any]:
    """Return the MLflow runs of the stages of a run."""
    return list(client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent}'"))


def _experiment(client: MlflowClient, home: Home) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found:
        return str(found.experiment_id)
    # A server decides where artifacts go; MLflow's own choice for a database is a folder of the working directory.
    remote = home.tracking_uri.startswith("http")
    return str(client.create_experiment(EXPERIMENT, None if remote else (home.root / "mlartifacts").as_uri()))
