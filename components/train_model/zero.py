"""DeepSpeed's configuration, made from typed settings."""

from typing import Any

from components.core.contracts.errors import ConfigurationError
from components.train_model.settings import Place, TrainModelSettings


def zero_config(settings: TrainModelSettings, *, bf16: bool) -> dict[str, Any]:
    """Return the configuration of a ZeRO run.

    `torch_adam` keeps DeepSpeed from compiling its own optimiser when it starts; betas are upstream's (0.9, 0.98).
    """
    return {
        **_batch(settings),
        "gradient_clipping": settings.gradient_clip,
        "bf16": {"enabled": bf16},
        "zero_optimization": {
            "stage": settings.zero_stage,
            **_offloaded("offload_optimizer", settings.offload_optimizer, settings, pinned=bf16),
            **_offloaded("offload_param", settings.offload_parameters, settings, pinned=bf16),
        },
        "optimizer": {
            "type": "AdamW",
            "params": {
                "lr": settings.learning_rate,
                "betas": [0.9, 0.98],
                "weight_decay": settings.weight_decay,
                "torch_adam": True,
            },
        },
    }


def _batch(settings: TrainModelSettings) -> dict[str, int]:
    """Return sizes that DeepSpeed can check; the loop cuts the steps, and says which backward pass is a step's last.

    Where steps have different numbers of samples, these are no sizes of any step: DeepSpeed only has to know whether
    gradients add up over several passes.
    """
    share = settings.batch // settings.world if settings.batch else 2 * (settings.micro_batch or 1)
    at_once = settings.micro_batch or share
    passes = -(-share // at_once)
    return {
        "train_batch_size": at_once * passes * settings.world,
        "train_micro_batch_size_per_gpu": at_once,
        "gradient_accumulation_steps": passes,
    }


def _offloaded(name: str, place: Place, settings: TrainModelSettings, *, pinned: bool) -> dict[str, Any]:
    if place == "none":
        return {}
    path = {"nvme_path": settings.nvme_path} if place == "nvme" else {}
    return {name: {"device": place, "pin_memory": pinned, **path}}


def check_offload(settings: TrainModelSettings) -> None:
    """Make sure that this machine can do what is asked, before any process starts.

    Raises:
        ConfigurationError: DeepSpeed cannot build its access to NVMe disks here.
    """
    if not settings.nvme_path:
        return
    from deepspeed.ops.op_builder import AsyncIOBuilder

    if not AsyncIOBuilder().is_compatible(verbose=False):
        raise ConfigurationError(
            f"train_model.nvme_path: {settings.nvme_path!r} cannot be used: DeepSpeed's async_io needs libaio and its "
            "headers, which this machine lacks; install them, or offload to cpu"
        )
