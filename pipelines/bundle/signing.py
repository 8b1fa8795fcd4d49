"""Signatures of folders in the format of `model-signing`, by an elliptic-curve key.

No certificate, no log and no network: who has the public key can verify, with `desta` or with `model_signing`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from components.core.contracts.errors import ConfigurationError, ContractError
from components.core.digests import digest_of_bytes
from components.core.home import Home
from components.core.publishing import alone, write_file

SIGNATURE = "bundle.sig"
KEY_VARIABLE = "DESTA_SIGNING_KEY"
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_MAKE_ONE = "`openssl ecparam -name prime256v1 -genkey -noout` makes one"


def signing_key(home: Home) -> Path:
    """Return the file of the private key: the one that DESTA_SIGNING_KEY names, else the home's, made at first use.

    Its public key is written to the home, from where it is shared.

    Raises:
        ConfigurationError: the file is no private key that can sign here.
    """
    named = os.environ.get(KEY_VARIABLE)
    file = Path(named) if named else _own_key(home)
    where = f"{KEY_VARIABLE} {file}" if named else f"{file}"
    key = _read(file, lambda data: serialization.load_pem_private_key(data, None), where)
    write_file(public_key_file(home), _public_pem(key.public_key()))
    return file


def public_key_file(home: Home) -> Path:
    """Return where the public key of the home's signatures lies."""
    return home.root / "keys" / "signing.pub.pem"


def fingerprint(public_key: Path) -> str:
    """Return the sha256 by which signatures name a public key.

    Raises:
        ConfigurationError: the file is no public key of that kind.
    """
    return digest_of_bytes(_public_pem(_read(public_key, serialization.load_pem_public_key, f"{public_key}")))


def sign(folder: Path, private_key: Path) -> None:
    """Sign every file of a folder, whatever its name; the signature lies beside them."""
    from model_signing import signing

    signer = signing.Config().set_hashing_config(_hashing()).use_elliptic_key_signer(private_key=private_key)
    signer.sign(folder, folder / SIGNATURE)


def check_signature(folder: Path, public_key: Path) -> None:
    """Make sure that a folder holds what was signed with the key of that public one, to the byte, and nothing else.

    Raises:
        ConfigurationError: the public key cannot be read.
        ContractError: it does not; names what differs.
    """
    from model_signing import verifying

    wanted, file = fingerprint(public_key), folder / SIGNATURE
    found = _key_named_in(file)
    if found != wanted:
        raise ContractError(
            f"{file}: was made with the key {found}, and {public_key} is {wanted}; name the signer's own: --key FILE"
        )
    verifier = verifying.Config().set_hashing_config(_hashing()).use_elliptic_key_verifier(public_key=public_key)
    try:
        verifier.verify(folder, file)
    except InvalidSignature as error:
        raise ContractError(f"{file}: was not made with the key that it names; get the bundle again") from error
    except (ValueError, LookupError, OSError) as error:
        what = " ".join(str(error).removeprefix("Signature mismatch: ").split()).strip('[]"')
        raise ContractError(f"{folder}: is not what was signed: {what}; get the bundle again") from error


def _hashing() -> Any:
    from model_signing import hashing

    # Files that belong to Git would be left out of account otherwise, and could be added unseen.
    return hashing.Config().set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)


def _key_named_in(signature: Path) -> str:
    """Return which key a signature names, after every byte of it was looked at.

    What the signature itself does not cover (spaces, spare bits of base64) must be as it is written.
    """
    from sigstore_models.bundle.v1 import Bundle

    try:
        data = signature.read_bytes()
        read = Bundle.from_json(data)
    except (OSError, ValueError) as error:
        raise ContractError(f"{signature}: is missing or no signature; get the bundle again") from error
    key = read.verification_material.public_key
    if read.to_json().encode() != data or key is None or not key.hint:
        raise ContractError(f"{signature}: was changed after it was made; get the bundle again")
    return str(key.hint)


def _own_key(home: Home) -> Path:
    file = home.root / "keys" / "signing.pem"
    with alone(home.root / "keys" / ".lock"):
        if not file.is_file():
            _write_private(file, _new_key())
    return file


def _new_key() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(kind, form, serialization.NoEncryption())


def _write_private(file: Path, data: bytes) -> None:
    """Write a file that nobody else can read, at no moment."""
    draft = file.with_name(f".{file.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as writing:
        writing.write(data)
        writing.flush()
        os.fsync(writing.fileno())
    draft.replace(file)


def _read(file: Path, how: Callable[[bytes], Any], where: str) -> Any:
    try:
        key = how(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{where}: cannot be read: {error.strerror}; name a key in PEM") from error
    except TypeError as error:
        raise ConfigurationError(
            f"{where}: is encrypted; name a key without a password, readable by you alone"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"{where}: is no key in PEM; {_MAKE_ONE}") from error
    if not isinstance(getattr(key, "curve", None), _CURVES):
        raise ConfigurationError(f"{where}: is no elliptic-curve key (P-256, P-384 or P-521); {_MAKE_ONE}")
    return key


def _public_pem(key: Any) -> bytes:
    public: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return public
