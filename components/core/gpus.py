"""Whether this machine has a GPU, asked without a library that would have to be installed first."""

import shutil
import subprocess


def has_nvidia_gpu() -> bool:
    """Say whether the NVIDIA driver of this host lists a GPU."""
    if shutil.which("nvidia-smi") is None:
        return False
    listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return listing.returncode == 0 and listing.stdout.startswith("GPU ")
