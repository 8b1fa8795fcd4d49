"""Results in the order of their items, from threads or processes; no process outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psutil

from components.core.parallel import in_order, processes


def test_results_come_in_order_with_few_in_flight() -> None:
    started: list[int] = []

    def work(number: int) -> int:
        started.append(number)
        time.sleep(0.001 * (number % 3))
        return -number

    with ThreadPoolExecutor(2) as pool:
        results = in_order(work, range(100), pool, 2)
        assert [next(results) for _ in range(10)] == [-n for n in range(10)]
        assert len(started) <= 10 + 2 * 2 + 1
        assert list(results) == [-n for n in range(10, 100)]


def test_processes_end_when_their_parent_is_killed() -> None:
    script = (
        "import sys, time\n"
        "from components.core.parallel import processes\n"
        "import os\n"
        "if __name__ == '__main__':\n"
        "    with processes(1) as pool:\n"
        "        print(pool.submit(os.getpid).result(), flush=True)\n"
        "        time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    worker.wait(timeout=30)


def test_a_process_computes_what_this_one_does() -> None:
    with processes(1) as pool:
        assert list(in_order(abs, range(-5, 5), pool, 1)) == [abs(n) for n in range(-5, 5)]
        assert pool.submit(os.getppid).result() == os.getpid()
