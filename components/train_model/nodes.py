"""What Kubeflow Trainer is asked for beside the number of nodes and of processes."""

import json
from typing import Any

from pydantic import Field, model_validator

from components.core.settings import Settings


class TrainerNodes(Settings):
    """Which runtime the nodes of a training have, what each gets, and how patiently they are waited for."""

    runtime: str = Field("desta-deepspeed", min_length=1, description="the TrainingRuntime that pods are made from")
    resources: dict[str, str] = Field(
        default_factory=dict, description="request and limit of each node, by Kubernetes' names; none: the runtime's"
    )
    node_selector: dict[str, str] = Field(default_factory=dict, description="labels that nodes have to have")
    tolerations: tuple[dict[str, str], ...] = Field((), description="taints of nodes to put up with")
    restarts: int = Field(5, ge=0, description="attempts after one that ended before its work, each checkpoint anew")
    restart_s: float = Field(30.0, gt=0, description="wait before the next attempt; doubled up to ten minutes")
    pending_s: float = Field(1800.0, gt=0, description="how long nodes may wait for a place before the stage gives up")

    @model_validator(mode="before")
    @classmethod
    def _read_a_command_line(cls, given: Any) -> Any:
        return json.loads(given) if isinstance(given, str) else given
