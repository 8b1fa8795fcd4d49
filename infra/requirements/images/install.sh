#!/bin/sh
# Make /opt/venv with what the image of a stage needs: `install.sh STAGE DEVICE`, in the build stage of its Containerfile.
# The stage's list says which packages, the lock of the device says which bytes each of them is.
set -eu
stage=$1 device=$2
cd "$(dirname "$0")"
# An empty address or folder would count as one.
for name in UV_FIND_LINKS UV_DEFAULT_INDEX PIP_INDEX_URL; do
    eval "[ -n \"\${$name:-}\" ] || unset $name"
done

pip install --quiet --no-cache-dir --require-hashes --target /opt/bootstrap -r bootstrap.txt
uv() { /opt/bootstrap/bin/uv --system-certs --quiet "$@"; }

export UV_LINK_MODE=copy UV_PYTHON=/opt/venv/bin/python
uv venv --python "$(command -v python3)" /opt/venv
if [ "$device" = cpu ] && grep '^torch==' "$stage-cpu.txt" > torch.txt; then
    # Alone, as in infra/setup.py: torch's index has a torchaudio of its own, which is not the lock's.
    torch_from='--torch-backend cpu'
    [ -z "${UV_FIND_LINKS:-}" ] || torch_from=''
    uv pip install --no-deps --require-hashes $torch_from -r torch.txt -c cpu.txt
fi
# With bytecode: where the root file system is read-only nothing can write it later.
uv pip install --require-hashes --compile-bytecode --override overrides.txt -r "$stage-$device.txt" -c "$device.txt"
if [ "$device" = cpu ]; then
    # The registry's torchaudio is linked to CUDA: without its extension it imports beside a CPU torch.
    for lib in /opt/venv/lib/python3.*/site-packages/torchaudio/lib; do
        [ ! -d "$lib" ] || { mkdir "$lib/set-aside" && mv "$lib"/*.so "$lib/set-aside/"; }
    done
fi
