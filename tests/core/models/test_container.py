import struct
from pathlib import Path

import pytest
import torch

from components.core.contracts.errors import ContractError
from components.core.models.container import read_container


def text(value: str) -> bytes:
    return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"


def tensor(name: str, shape: list[int], kind: int, data: bytes, size: int | None = None) -> bytes:
    sizes = struct.pack(f"<B{len(shape)}I", len(shape), *shape)
    return text(name) + sizes + struct.pack("<BI", kind, len(data) if size is None else size) + data


def container(*tensors: bytes, version: int = 6, count: int | None = None, tail: bytes = b"\0\0\0\0") -> bytes:
    head = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<I", 3)
    return head + struct.pack("<I", len(tensors) if count is None else count) + b"".join(tensors) + tail


def write(place: Path, data: bytes) -> Path:
    path = place / "model.bin"
    path.write_bytes(data)
    return path


def test_tensors_of_every_type_come_as_they_were_written(tmp_path: Path) -> None:
    types = [torch.float32, torch.int8, torch.int16, torch.int32, torch.float16, torch.bfloat16]
    values = [torch.tensor([[1, -2, 3], [4, 5, -6]], dtype=dtype) for dtype in types]
    files = [
        tensor(f"t{kind}", [2, 3], kind, value.view(torch.uint8).numpy().tobytes()) for kind, value in enumerate(values)
    ]
    tail = struct.pack("<I", 1) + text("alias") + text("t0")

    read = read_container(write(tmp_path, container(*files, tail=tail)))

    assert read.specification == "WhisperSpec"
    assert read.aliases == {"alias": "t0"}
    assert all(torch.equal(read.tensors[f"t{kind}"], value) for kind, value in enumerate(values))
    assert [read.tensors[f"t{kind}"].dtype for kind in range(6)] == types


def test_a_scalar_has_no_shape(tmp_path: Path) -> None:
    read = read_container(write(tmp_path, container(tensor("heads", [], 2, b"\x06\0"))))

    assert read.tensors["heads"].shape == ()
    assert int(read.tensors["heads"]) == 6


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "cut off"),
        (b"\x80\x04\x95\x10\0\0\0\0", "not a CTranslate2 model of version 6"),
        (b"PK\x03\x04", "not a CTranslate2 model of version 6"),
        (container(version=5), r"version 6 \(got 5\)"),
        (container(count=2**32 - 1), "cut off"),
        (container(tensor("w", [2], 0, b"\0" * 8, size=2**32 - 1)), "tensor w: shape .* does not fill"),
        (container(tensor("w", [2**30], 0, b"", size=2**32 - 1)), "tensor w: shape .* does not fill"),
        (container(tensor("w", [2**28], 0, b"", size=2**30)), "cut off: byte .* wants 1073741824 more"),
        (container(tensor("w", [2**32 - 1] * 255, 0, b"")), "tensor w: shape"),
        (container(tensor("w", [0], 0, b"")), r"tensor w: shape \[0\]"),
        (container(tensor("w", [1], 9, b"\0" * 4)), "tensor w: unknown type 9"),
        (container(tensor("w", [1], 0, b"\0" * 4), tensor("w", [1], 0, b"\0" * 4)), "tensor w: is there twice"),
        (container(tail=b"\0\0\0\0x"), "1 bytes after the end"),
        (container(tail=struct.pack("<I", 2**31)), "cut off"),
        (struct.pack("<IH", 6, 65535) + b"x", "cut off"),
    ],
)
def test_a_hostile_file_is_one_line(tmp_path: Path, data: bytes, complaint: str) -> None:
    with pytest.raises(ContractError, match=rf"^model\.bin: .*{complaint}") as caught:
        read_container(write(tmp_path, data))

    assert "\n" not in str(caught.value)


def test_a_file_cut_anywhere_is_cut_off(tmp_path: Path) -> None:
    tail = struct.pack("<I", 1) + text("alias") + text("w")
    whole = container(tensor("w", [2, 1], 4, b"\0\1\2\3"), tensor("s", [], 1, b"\1"), tail=tail)
    read_container(write(tmp_path, whole))

    for length in range(len(whole)):
        with pytest.raises(ContractError, match=r"^model\.bin: cut off: byte \d+ wants \d+ more, \d+ left$"):
            read_container(write(tmp_path, whole[:length]))
