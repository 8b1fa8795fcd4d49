"""A mail server that keeps what it gets: as much of SMTP as a client needs, with STARTTLS and a password."""

import asyncio
import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Mailbox:
    """The messages that came, how the clients spoke, and what the server answers to a message instead of taking it."""

    port: int = 0
    messages: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


@contextmanager
def receiving(certificate: Path | None = None) -> Iterator[Mailbox]:
    """Serve on a free port; with a certificate (and key) clients may go over to TLS."""
    box, ready = Mailbox(), threading.Event()
    ended: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        server = await asyncio.start_server(lambda r, w: _Talk(r, w, box, certificate).hold(), "localhost", 0)
        box.port = server.sockets[0].getsockname()[1]
        ended.append((asyncio.get_running_loop(), asyncio.Event()))
        ready.set()
        await ended[0][1].wait()
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    try:
        yield box
    finally:
        loop, end = ended[0]
        loop.call_soon_threadsafe(end.set)
        thread.join()


@dataclass
class _Talk:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    box: Mailbox
    certificate: Path | None
    encrypted: bool = False

    async def hold(self) -> None:
        self.say("220 mailbox")
        while line := (await self.reader.readline()).decode().strip():
            command = line.partition(" ")[0].upper()
            if command == "STARTTLS":
                await self.go_over_to_tls()
            elif command == "DATA":
                await self.take_message()
            else:
                self.answer(command, line)
            await self.writer.drain()
        self.writer.close()

    def say(self, *lines: str) -> None:
        self.writer.writelines(f"{line}\r\n".encode() for line in lines)

    def answer(self, command: str, line: str) -> None:
        if command == "EHLO":
            extension = "AUTH PLAIN" if self.encrypted else "STARTTLS" if self.certificate else "8BITMIME"
            self.say("250-mailbox", f"250 {extension}")
        elif command == "AUTH":
            self.box.logins.append(base64.b64decode(line.rsplit(maxsplit=1)[-1]).decode())
            self.say("235 welcome")
        else:
            self.say("221 bye" if command == "QUIT" else "250 ok")

    async def go_over_to_tls(self) -> None:
        self.say("220 go on")
        await self.writer.drain()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(str(self.certificate))
        with suppress(ssl.SSLError, ConnectionError):  # a client that does not trust the certificate goes away
            await self.writer.start_tls(context)
            self.encrypted = True

    async def take_message(self) -> None:
        self.say("354 end with a dot")
        lines = []
        while (text := (await self.reader.readline()).decode()) not in {".\r\n", ""}:
            lines.append(text)
        answer = self.box.answers.pop(0) if self.box.answers else "250 kept"
        if answer.startswith("250"):
            self.box.messages.append("".join(lines))
            self.box.encrypted.append(self.encrypted)
        self.say(answer)


def make_certificate(file: Path) -> Path:
    """Write a key and a certificate for localhost that only vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    no_password = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password)
    file.write_bytes(private + certificate.public_bytes(pem))
    return file
