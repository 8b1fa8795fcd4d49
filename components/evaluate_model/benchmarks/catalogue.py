"""The benchmarks that are known here, by name."""

from collections.abc import Mapping

from components.core.contracts.errors import ConfigurationError
from components.evaluate_model.benchmarks.benchmark import Benchmark
from components.evaluate_model.benchmarks.dynamic_superb.phase1 import DYNAMIC_SUPERB_1
from components.evaluate_model.benchmarks.dynamic_superb.phase2 import DYNAMIC_SUPERB_2
from components.evaluate_model.benchmarks.mmau import MMAU
from components.evaluate_model.benchmarks.sakura import SAKURA
from components.evaluate_model.benchmarks.speech_ifeval import SPEECH_IFEVAL
from components.evaluate_model.benchmarks.speech_ifeval_tasks import SPEECH_IFEVAL_TASKS
from components.evaluate_model.benchmarks.voicebench.benchmark import VOICEBENCH

_ALL = (
    DYNAMIC_SUPERB_1,
    DYNAMIC_SUPERB_2,
    MMAU,
    SAKURA,
    SPEECH_IFEVAL,
    SPEECH_IFEVAL_TASKS,
    VOICEBENCH,
)
BENCHMARKS: Mapping[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}


def benchmark_named(name: str) -> Benchmark:
    """Return a benchmark by its name.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in BENCHMARKS:
        raise ConfigurationError(f"benchmark {name}: not known; known: {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]
