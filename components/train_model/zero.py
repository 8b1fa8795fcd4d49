"""DeepSpeed's configuration, made from typed settings."""

from typing import Any

from components.train_model.settings import TrainModelSettings


def zero_config(settings: TrainModelSettings, *, bf16: bool) -> dict[str, Any]:
    """Return the configuration of a ZeRO run.

    `torch_adam` keeps DeepSpeed from compiling its own optimiser when it starts; betas are upstream's (0.9, 0.98).
    """
    return {
        "train_batch_size": settings.batch,
        "train_micro_batch_size_per_gpu": settings.batch // settings.processes,
        "gradient_clipping": settings.gradient_clip,
        "bf16": {"enabled": bf16},
        "zero_optimization": {"stage": settings.zero_stage},
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
