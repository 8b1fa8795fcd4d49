"""`desta audit`: the pages on a port of this machine, until it is interrupted."""

import sys
from pathlib import Path

from components.core.home import Home
from components.core.ports import is_loopback, listen

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def serve_audit(home: Home, root: Path, host: str, port: int) -> None:
    """Answer on an address until interrupted; `port` 0 takes a free one.

    Raises:
        ConfigurationError: the address is none of this machine's, or the port is taken.
    """
    with listen(host, port) as listener:
        import uvicorn

        from pipelines.audit.app import make_app
        from pipelines.audit.desk import RecordsDesk

        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        app = make_app(RecordsDesk(home, root), home, hosts_of(host))
        print(f"desta audit on {address}; Ctrl-C ends it", file=sys.stderr, flush=True)
        if not is_loopback(host):
            print(f"{host} can be reached by others: whoever does can hear and read everything", file=sys.stderr)
        uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off")).run(sockets=[listener])


def hosts_of(host: str) -> list[str]:
    """Return the names under which the pages answer: those of an address, any where it stands for all addresses."""
    if is_loopback(host):
        return list(_LOOPBACK)
    return ["*"] if host in {"0.0.0.0", "::"} else [*_LOOPBACK, host]  # noqa: S104 (what the user asked for)
