"""The datasets of a run: what each stage read and wrote, under a name that stays, in a version that is a digest."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, cast

from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    DatasetFacet,
    OutputDatasetFacet,
    data_quality_metrics_dataset,
    dataset_version_dataset,
    output_statistics_output_dataset,
)

from components.core.contracts.artifacts import MANIFEST, Artifact, Manifest, read_manifest
from components.core.contracts.records import Answer, Clip, Description, Record, Sample
from components.core.runs import Output, StageRecord
from components.core.stages import stage_named
from pipelines.openlineage.facets import GENERATOR, NAMESPACE, dataset_tags, generator_facet, schema_facet
from pipelines.openlineage.quality import assertions_about

_ROWS: Mapping[str, type[Record]] = {
    "clips": Clip,
    "descriptions": Description,
    "samples": Sample,
    "accepted": Sample,
    "report": Answer,
}
"""What the rows of an artifact are; a model has none."""
Records = Mapping[str, StageRecord]
"""The records of a run's stages by their names."""


def inputs_of(stage: str, records: Records) -> list[InputDataset]:
    """Return what a stage reads, as far as it is known yet: the corpora only when it has ended."""
    record = records[stage]
    found = []
    for word, maker in stage_named(stage).inputs.items():
        if maker in records and (output := records[maker].outputs.get(stage_named(maker).output)):
            kind = stage_named(maker).output
            about = assertions_about(word, record) if record.outputs else {}
            found.append(InputDataset(NAMESPACE, kind, about, facets=_facets(kind, output, records)))
    return [*found, *_corpora(record)]


def outputs_of(stage: str, records: Records) -> list[OutputDataset]:
    """Return what a stage wrote."""
    return [
        OutputDataset(NAMESPACE, kind, _statistics(kind, output), facets=_facets(kind, output, records))
        for kind, output in records[stage].outputs.items()
    ]


def _corpora(record: StageRecord) -> Iterator[InputDataset]:
    """Yield the corpora that a finished stage read, each with its licence."""
    told = record.facts.get("corpora", {})
    for output in record.outputs.values():
        manifest = _manifest(output)
        for name, digest in (manifest.lineage.sources if manifest else {}).items():
            about = told.get(name, {})
            tags = {key: about[key] for key in ("licence", "attribution") if about.get(key)}
            facets: dict[str, DatasetFacet] = {"version": _version(digest)}
            facets |= {"tags": dataset_tags(tags)} if tags else {}
            yield InputDataset(NAMESPACE, f"corpora/{name}", facets=facets)


def _facets(kind: str, output: Output, records: Records) -> dict[str, DatasetFacet]:
    facets: dict[str, DatasetFacet] = {"version": _version(output.digest)}
    if manifest := _manifest(output):
        if kind in _ROWS:
            facets |= {"schema": schema_facet(_ROWS[kind]), "dataQualityMetrics": _metrics(manifest)}
        if licences := _licences(manifest):
            facets["tags"] = dataset_tags({"licence": ", ".join(licences)})
        if written := _generator(Artifact(Path(output.path), manifest), records):
            facets[GENERATOR] = generator_facet(*written)
    return facets


def _version(digest: str) -> dataset_version_dataset.DatasetVersionDatasetFacet:
    return dataset_version_dataset.DatasetVersionDatasetFacet(digest)


def _manifest(output: Output) -> Manifest | None:
    """Return the manifest of a result, `None` when it was removed from the store since."""
    folder = Path(output.path)
    return read_manifest(folder) if (folder / MANIFEST).is_file() else None


def _metrics(manifest: Manifest) -> DatasetFacet:
    """Count the rows; how many came in and were refused, by reason, stands beside the standard's own figures."""
    counts, files = manifest.counts, manifest.files
    facet = data_quality_metrics_dataset.DataQualityMetricsDatasetFacet(
        columnMetrics={},
        rowCount=counts.rows_out,
        bytes=sum(entry.bytes for entry in files),
        fileCount=len(files),
    )
    return cast(DatasetFacet, facet.with_additional_properties(rowsIn=counts.rows_in, refused=counts.refused))


def _statistics(kind: str, output: Output) -> dict[str, OutputDatasetFacet]:
    manifest = _manifest(output)
    if manifest is None:
        return {}
    facet = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=manifest.counts.rows_out if kind in _ROWS else None,
        size=sum(entry.bytes for entry in manifest.files),
        fileCount=len(manifest.files),
    )
    return {"outputStatistics": facet}


def _licences(manifest: Manifest) -> list[str]:
    """Return the licences of the corpora that clips were taken from."""
    return sorted({about["licence"] for about in manifest.facts.get("corpora", {}).values() if about["clips"]})


def _generator(artifact: Artifact, records: Records) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Return who wrote all answers of samples, and how; the samples accepted from them were written by the same."""
    facts = artifact.manifest.facts
    if artifact.manifest.kind == "accepted" and len(facts.get("generators", [])) == 1:
        if "self_generate" in records:
            facts = records["self_generate"].facts
        else:  # a run that starts from published samples has nothing but their rows
            first = next(islice(artifact.read(Sample), 1), None)
            return (first.generator.model_dump(), first.decoding.model_dump()) if first else None
    return (facts["generator"], facts["decoding"]) if "generator" in facts else None
