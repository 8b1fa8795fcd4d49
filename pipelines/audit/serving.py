"""`desta audit`: the pages on a port of this machine, until it is interrupted."""

import ipaddress
import socket
import sys
from pathlib import Path

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def serve_audit(home: Home, root: Path, host: str, port: int) -> None:
    """Answer on an address until interrupted; `port` 0 takes a free one.

    Raises:
        ConfigurationError: the address is none of this machine's, or the port is taken.
    """
    with _listening(host, port) as listener:
        import uvicorn

        from pipelines.audit.app import make_app
        from pipelines.audit.desk import RecordsDesk

        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        app = make_app(RecordsDesk(home, root), home, hosts_of(host))
        print(f"desta audit on {address}; Ctrl-C ends it", file=sys.stderr, flush=True)
        if not is_loopback(host):
            print(f"{host} can be reached by others: whoever does can hear and read everything", file=sys.stderr)
        uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off")).run(sockets=[listener])


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def hosts_of(host: str) -> list[str]:
    """Return the names under which the pages answer: those of an address, any where it stands for all addresses."""
    if is_loopback(host):
        return list(_LOOPBACK)
    return ["*"] if host in {"0.0.0.0", "::"} else [*_LOOPBACK, host]  # noqa: S104 (what the user asked for)


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OverflowError as error:
        raise ConfigurationError(f"--port {port}: want 0 to 65535") from error
    except OSError as error:
        raise ConfigurationError(
            f"{host}:{port}: cannot listen there: {error.strerror or error}; name another --host or --port"
        ) from error
