"""What a stage offers beside its run: commands of its own, each a module below its folder."""

import os
import subprocess
import sys
from collections.abc import Sequence

from pipelines.sample_data import ROOT


def run_stage_command(module: str, arguments: Sequence[str]) -> int:
    """Run `python -m components.<module>` on this terminal and return its exit code.

    In a process of its own: the pipelines know a stage by its component, settings and command line, and not its work.
    """
    command = [sys.executable, "-P", "-m", f"components.{module}", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    return subprocess.run(command, env=environment, check=False).returncode
