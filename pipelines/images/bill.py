"""The bill of materials of an image (CycloneDX 1.6): its distributions, the packages of its base, our code.

Equal images give equal bytes: the serial number follows from the image's id, and no time is written.
"""

import json
from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from pipelines.bundle.bom import library
from pipelines.images.records import Image


def bill_of(image: Image, distributions: Mapping[str, str], system: Mapping[str, str]) -> str:
    """Write the bill of materials of an image."""
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, f"desta:image:{image.image_id}"))
    made = Component(
        name=image.name,
        version=image.tag,
        type=ComponentType.CONTAINER,
        bom_ref="image",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=image.image_id)],
    )
    code = Component(
        name=f"components.{image.stage}", version=image.code_version, type=ComponentType.APPLICATION, bom_ref="code"
    )
    libraries = [library(name, version) for name, version in distributions.items()]
    packages = [_package(name, version) for name, version in system.items()]
    bom.metadata.component = made
    bom.components.update([code, *libraries, *packages])
    bom.register_dependency(made, [code, *packages])
    bom.register_dependency(code, libraries)
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    del document["metadata"]["timestamp"]
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _package(name: str, version: str) -> Component:
    purl = PackageURL("deb", "debian", name, version)
    return Component(name=name, version=version, type=ComponentType.LIBRARY, purl=purl, bom_ref=purl.to_string())
