"""The bill of materials of a run (CycloneDX 1.6, an ML-BOM): the adapter, the models beside it, data, libraries.

Equal runs give equal bytes: the serial number follows from the run's id, the time is that of its beginning.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx import spdx
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from components.core.cards import dataset_name
from components.core.contracts.artifacts import FileEntry
from components.core.models.references import Origin, parse_reference
from components.core.models.sources import UNKNOWN_LICENCE
from components.core.models.store import MARKER, portable_ref, read_model_manifest
from pipelines.bundle.bom_card import data_entry, model_card
from pipelines.bundle.ended import EndedRun

_PURL_TYPES = {Origin.PACKAGE: "pypi", Origin.HUB: "huggingface"}


def bom_text(run: EndedRun, models: Path, distributions: Mapping[str, str]) -> str:
    """Write the bill of materials; `models` is the store that knows the frozen models' files and licences."""
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"desta:run:{run.record.run_id}"))
    bom.metadata.timestamp = run.started
    pipeline = Component(
        name="desta",
        version=run.record.code_version[:12],
        type=ComponentType.APPLICATION,
        bom_ref="desta",
        properties=_properties({"run": run.record.run_id, "data_revision": run.record.data_revision}),
    )
    bom.metadata.component = pipeline
    libraries = [library(name, version) for name, version in distributions.items()]
    frozen = {part: _frozen(part, digest, models) for part, digest in run.models.items()}
    corpora, data, trained = list(_corpora(run)), list(_accepted(run)), list(_trained(run))
    bom.components.update([*libraries, *frozen.values(), *corpora, *data, *trained])
    bom.register_dependency(pipeline, [*libraries, *(trained or data or frozen.values() or corpora)])
    for model in trained:
        bom.register_dependency(model, [*frozen.values(), *data])
    for dataset in data:
        heard = [corpus for corpus in corpora if run.rollup and corpus.name in run.rollup.corpora]
        bom.register_dependency(dataset, [*heard, *(model for part, model in frozen.items() if part == "llm")])
    return _with_what_the_library_lacks(JsonV1Dot6(bom).output_as_string(), run)


def library(name: str, version: str) -> Component:
    """Return a Python distribution as a component."""
    purl = PackageURL("pypi", name=name, version=version)
    return Component(name=name, version=version, type=ComponentType.LIBRARY, purl=purl, bom_ref=purl.to_string())


def _frozen(part: str, digest: str, models: Path) -> Component:
    folder = models / digest
    known = read_model_manifest(folder) if (folder / MARKER).is_file() else None
    reference = portable_ref(folder) if known else None
    return Component(
        name=reference or f"model {digest}",
        version=digest[:12],
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{part}",
        description=f"{part}, frozen; its hash is the sha256 over the names and hashes of its files",
        hashes=[_sha256(digest)],
        licenses=_licences([known.licence] if known else []),
        purl=_purl(reference) if reference else None,
        components=_files(known.files if known else (), f"model:{part}"),
    )


def _purl(reference: str) -> PackageURL:
    named = parse_reference(reference)
    namespace, _, name = named.name.rpartition("/")
    return PackageURL(_PURL_TYPES[named.origin], namespace or None, name, named.version)


def _corpora(run: EndedRun) -> Iterator[Component]:
    """Yield the corpora that gave clips; the licences are those of the clips, as far as these were accepted."""
    if not (clips := run.results.get("clips")):
        return
    shares = run.rollup.corpora if run.rollup else {}
    for name, facts in clips.manifest.facts.get("corpora", {}).items():
        if facts.get("clips"):
            digest = clips.manifest.lineage.sources.get(name)
            yield Component(
                name=name,
                version=digest[:12] if digest else None,
                type=ComponentType.DATA,
                bom_ref=f"corpus:{name}",
                description="a corpus of recordings; its hash is the sha256 over its files, as `desta` computes it",
                hashes=[_sha256(digest)] if digest else [],
                licenses=_licences({facts.get("licence", ""), *(shares[name].licences if name in shares else ())}),
                copyright=facts.get("attribution") or None,
                properties=_properties({"clips": facts["clips"]}),
            )


def _accepted(run: EndedRun) -> Iterator[Component]:
    if not run.rollup:
        return
    accepted, total = run.results["accepted"], run.rollup.total
    counts = {"samples": total.samples, "clips": total.clips, "hours": f"{total.hours:.4f}"}
    yield Component(
        name=dataset_name(accepted.digest),
        version=accepted.digest[:12],
        type=ComponentType.DATA,
        bom_ref=f"dataset:{accepted.digest}",
        hashes=[_sha256(accepted.digest)],
        licenses=_licences(run.rollup.licences),
        properties=_properties(counts),
        components=_files(accepted.manifest.files, "dataset"),
    )


def _trained(run: EndedRun) -> Iterator[Component]:
    if not (model := run.results.get("model")):
        return
    registered = run.tracking.model if run.tracking else None
    yield Component(
        name=registered.name if registered else "adapter",
        version=registered.version if registered else model.digest[:12],
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref=f"model:{model.digest}",
        description="an adapter between two frozen models, of use with them alone",
        hashes=[_sha256(model.digest)],
        components=_files(model.manifest.files, "adapter"),
    )


def _files(entries: Iterable[FileEntry], of: str) -> list[Component]:
    return [
        Component(
            name=entry.path, type=ComponentType.FILE, bom_ref=f"{of}:{entry.path}", hashes=[_sha256(entry.sha256)]
        )
        for entry in entries
    ]


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _licences(names: Iterable[str]) -> list[DisjunctiveLicense]:
    return [_licence(name) for name in sorted(set(names) - {UNKNOWN_LICENCE, ""})]


def _licence(name: str) -> DisjunctiveLicense:
    identifier = spdx.fixup_id(name)
    return DisjunctiveLicense(id=identifier) if identifier else DisjunctiveLicense(name=name)


def _properties(values: Mapping[str, Any]) -> list[Property]:
    return [Property(name=f"desta:{name}", value=str(value)) for name, value in values.items()]


def _with_what_the_library_lacks(text: str, run: EndedRun) -> str:
    """Add the model's card and what kind of data there are, for which the library has no classes."""
    bom = json.loads(text)
    for component in bom.get("components", []):
        if component["type"] == ComponentType.DATA.value:
            component["data"] = [data_entry(component)]
        if (model := run.results.get("model")) and component["bom-ref"] == f"model:{model.digest}":
            component["modelCard"] = model_card(run, model)
    return json.dumps(bom, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
