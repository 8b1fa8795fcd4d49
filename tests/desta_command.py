"""The command `desta` as a process of its own, in a home of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.contracts.artifacts import open_artifact
from components.core.contracts.records import Sample
from components.core.home import Home


@dataclass(frozen=True)
class Desta:
    """The command in a home of its own; the models are shared."""

    home: Home
    models: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DESTA_HOME": str(self.home.root), "DESTA_MODELS": str(self.models)}

    def start(self, *argv: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pipelines", *argv]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def json(self, *argv: str) -> Any:
        """Run a command that has to succeed and return what it prints."""
        process = self.start(*argv, "--json")
        out, err = process.communicate()
        assert process.returncode == 0, err
        return json.loads(out)

    def run(self, *argv: str) -> Any:
        return self.json("run", "--profile", "smoke", *argv)

    def samples(self, status: Any) -> list[Sample]:
        folder = Path(status["stages"]["self_generate"]["outputs"]["samples"]["path"])
        return list(open_artifact(folder, "samples").read(Sample))
