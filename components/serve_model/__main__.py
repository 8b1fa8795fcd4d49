"""Serve a trained model as OpenAI's chat completions, with recordings as `input_audio` parts.

A key that requests must carry is read from the environment variable DESTA_SERVE_KEY.
"""

import argparse
import os
import socket
import sys
from collections.abc import Sequence

from components.core.command import command_parser, run_command
from components.core.contracts.errors import ConfigurationError
from components.core.ports import is_loopback, listen
from components.core.settings import checked, given
from components.serve_model.settings import ServeModelSettings, add_server_arguments

_NAME = "serve_model"
_EXAMPLE = """example:
  python -m components.serve_model --port 8001
  python -m components.serve_model --model 20261122-184937-df17 --batch 16"""
_FINISH_S = 5  # what answers that are on their way may still take when the server is told to end


def parser() -> argparse.ArgumentParser:
    """Return the command line of the server."""
    parser = command_parser(_NAME, __doc__ or "", _EXAMPLE)
    add_server_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Be the server; ends when it is told to."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    settings = checked(_NAME, ServeModelSettings, given(args, ServeModelSettings))
    key = os.environ.get("DESTA_SERVE_KEY")
    with _listening(args.host, args.port, key) as listener:
        import uvicorn

        from components.core.inference.desta_model import DestaModel
        from components.serve_model.app import Desk, make_app
        from components.serve_model.batcher import Batcher
        from components.serve_model.metrics import Metrics

        model, metrics = DestaModel.from_pretrained(args.model), Metrics()
        app = make_app(Desk(model.name, Batcher(model, settings, metrics), settings, metrics, key))
        print(f"serving {model.name} on http://{args.host}:{listener.getsockname()[1]}/v1", file=sys.stderr, flush=True)
        config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=_FINISH_S)
        uvicorn.Server(config).run(sockets=[listener])


def _listening(host: str, port: int, key: str | None) -> socket.socket:
    """Take the port before the model is loaded, which takes long.

    Raises:
        ConfigurationError: it is taken, or others could come in without a key.
    """
    if not key and not is_loopback(host):
        raise ConfigurationError(f"--host {host}: lets others in: set DESTA_SERVE_KEY to the key that they must carry")
    return listen(host, port)


if __name__ == "__main__":
    main()
