"""Reads the file format of CTranslate2 models: named tensors, one after another, little-endian, nothing executable.

u32 version, text specification, u32 revision
u32 count, then for each tensor: text name, u8 rank, u32 sizes[rank], u8 type, u32 bytes, data
u32 count, then for each alias: text alias, text name         (text = u16 length, characters, a zero byte)
"""

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import torch

from components.core.contracts.errors import ContractError

VERSION = 6
_TYPES = (torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class Container:
    """The content of a model file: its kind, its tensors, and other names for some of them."""

    specification: str
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)


def read_container(path: Path) -> Container:
    """Read a whole file; sizes it declares are checked against the bytes that are there before anything is allocated.

    Raises:
        ContractError: it is not this format, another version of it, cut off, or contradicts itself.
    """
    with path.open("rb") as file:
        reader = _Reader(file, path)
        version = reader.integer("I")
        if version != VERSION:
            raise ContractError(f"{path.name}: not a CTranslate2 model of version {VERSION} (got {version})")
        container = Container(reader.text())
        reader.integer("I")  # the specification's revision: the names of the tensors say what it would
        for _ in range(reader.integer("I")):
            name, tensor = reader.tensor()
            if name in container.tensors:
                raise ContractError(f"{path.name}: tensor {name}: is there twice")
            container.tensors[name] = tensor
        for _ in range(reader.integer("I")):
            alias = reader.text()
            container.aliases[alias] = reader.text()
        reader.end()
    return container


class _Reader:
    """Takes typed values from a file and says where it ends too early."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._name = path.name
        self._left = path.stat().st_size

    def take(self, size: int) -> bytearray:
        if size > self._left:
            raise ContractError(f"{self._name}: cut off: byte {self._file.tell()} wants {size} more, {self._left} left")
        self._left -= size
        return bytearray(self._file.read(size))

    def integer(self, kind: str) -> int:
        return int(struct.unpack(f"<{kind}", self.take(struct.calcsize(f"<{kind}")))[0])

    def text(self) -> str:
        return self.take(self.integer("H")).rstrip(b"\0").decode("ascii", errors="backslashreplace")

    def tensor(self) -> tuple[str, torch.Tensor]:
        name = self.text()
        shape = [self.integer("I") for _ in range(self.integer("B"))]
        kind, size = self.integer("B"), self.integer("I")
        if kind >= len(_TYPES):
            raise ContractError(f"{self._name}: tensor {name}: unknown type {kind}")
        dtype = _TYPES[kind]
        if math.prod(shape) * dtype.itemsize != size or not size:
            raise ContractError(f"{self._name}: tensor {name}: shape {shape} of {dtype} does not fill {size} bytes")
        return name, torch.frombuffer(self.take(size), dtype=dtype).reshape(shape)

    def end(self) -> None:
        if self._left:
            raise ContractError(f"{self._name}: {self._left} bytes after the end")
