"""MLflow's user interface on the runs of this home."""

import os
import sys

from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.core.privacy import PRIVATE_ENVIRONMENT


def open_ui(home: Home, port: int) -> None:
    """Become MLflow's server on 127.0.0.1, until it is interrupted.

    Raises:
        ConfigurationError: MLFLOW_TRACKING_URI names a server, which has a page of its own.
    """
    uri = home.tracking_uri
    if uri.startswith("http"):
        raise ConfigurationError(f"MLFLOW_TRACKING_URI is {uri}: open that address in a browser")
    address = ["--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, *address]
    print(f"MLflow on port {port} of this machine (127.0.0.1); Ctrl-C ends it", file=sys.stderr, flush=True)
    os.execve(sys.executable, command, {**os.environ, **PRIVATE_ENVIRONMENT})  # noqa: S606 (no shell is meant)
