"""The key of a home: made once, readable by its owner alone, or named from outside; and no network anywhere."""

import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from pipelines.bundle.signing import SIGNATURE, check_signature, fingerprint, public_key_file, sign, signing_key
from pipelines.cli import main
from pipelines.journal import journal_file
from tests.pipelines.results import make_corpus


def private_pem(key: Any, password: bytes | None = None) -> bytes:
    locked = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    return pem


def public_pem(key: Any) -> bytes:
    pem: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem


CURVE = ec.generate_private_key(ec.SECP256R1())
NO_KEYS = {
    "rsa": (private_pem(rsa.generate_private_key(65537, 2048)), "is no elliptic-curve key"),
    "ed25519": (private_pem(ed25519.Ed25519PrivateKey.generate()), "is no elliptic-curve key"),
    "odd-curve": (private_pem(ec.generate_private_key(ec.SECP256K1())), "is no elliptic-curve key"),
    "public": (public_pem(CURVE), "is no key in PEM"),
    "locked": (private_pem(CURVE, b"word"), "is encrypted"),
    "torn": (private_pem(CURVE)[:80], "is no key in PEM"),
    "empty": (b"", "is no key in PEM"),
    "no-text": (b"\xff\xfe\x00", "is no key in PEM"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "signed" / "deep").mkdir(parents=True)
    (tmp_path / "signed" / "deep" / "a.txt").write_text("a")
    return tmp_path / "signed"


def test_the_key_is_made_once_and_only_its_owner_reads_it(home: Home) -> None:
    key = signing_key(home)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert isinstance(serialization.load_pem_private_key(key.read_bytes(), None), ec.EllipticCurvePrivateKey)
    before = key.read_bytes()
    public_key_file(home).unlink()
    assert signing_key(home) == key
    assert key.read_bytes() == before
    assert public_key_file(home).read_bytes() == public_pem(serialization.load_pem_private_key(before, None))


def test_a_key_from_outside_signs_and_the_home_gets_its_public_part(
    home: Home, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "team.pem"
    file.write_bytes(private_pem(ec.generate_private_key(ec.SECP384R1())))
    monkeypatch.setenv("DESTA_SIGNING_KEY", str(file))
    sign(folder, signing_key(home))
    check_signature(folder, public_key_file(home))
    assert [each.name for each in public_key_file(home).parent.iterdir()] == ["signing.pub.pem"]


@pytest.mark.parametrize("kind", [*NO_KEYS, "missing", "a-folder"])
def test_a_key_that_cannot_sign_is_one_line_before_the_run_begins(
    kind: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "team.pem"
    if kind == "a-folder":
        file.mkdir()
    elif kind != "missing":
        file.write_bytes(NO_KEYS[kind][0])
    monkeypatch.setenv("DESTA_SIGNING_KEY", str(file))
    with pytest.raises(SystemExit) as ended:
        main(["run", "--profile", "smoke", "--corpus", str(make_corpus(tmp_path / "sounds"))])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: DESTA_SIGNING_KEY {file}: ")
    assert NO_KEYS.get(kind, ("", "cannot be read"))[1] in line
    assert not home.runs.exists()
    assert not journal_file(home).exists()


def test_a_key_of_the_home_that_was_damaged_is_not_replaced(home: Home) -> None:
    key = signing_key(home)
    key.write_bytes(b"-----BEGIN")
    with pytest.raises(ConfigurationError, match=r"signing\.pem: is no key in PEM"):
        signing_key(home)
    assert key.read_bytes() == b"-----BEGIN"


@pytest.mark.parametrize("kind", ["rsa", "torn", "no-text"])
def test_a_public_key_of_another_kind_is_one_line(kind: str, home: Home, folder: Path, tmp_path: Path) -> None:
    sign(folder, signing_key(home))
    (tmp_path / "odd.pem").write_bytes(NO_KEYS[kind][0])
    with pytest.raises(ConfigurationError, match=r"odd\.pem: is no"):
        check_signature(folder, tmp_path / "odd.pem")


def test_nothing_asks_the_network(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        pytest.fail("somebody asked the network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    sign(folder, signing_key(home))
    check_signature(folder, public_key_file(home))


def test_others_verify_it_with_the_tool_of_the_format(home: Home, folder: Path) -> None:
    sign(folder, signing_key(home))
    signature, key = folder / SIGNATURE, public_key_file(home)
    options = ["--signature", signature, "--public_key", key, "--ignore-paths", signature]
    command = [sys.executable, "-m", "model_signing", "verify", "key", *map(str, (folder, *options))]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    (folder / "deep" / "a.txt").write_text("b")
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_the_fingerprint_is_how_the_signature_names_the_key(home: Home, folder: Path) -> None:
    sign(folder, signing_key(home))
    assert fingerprint(public_key_file(home)) in (folder / SIGNATURE).read_text()
