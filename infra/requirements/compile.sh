#!/usr/bin/env bash
# Pin and hash every NAME.in of this folder as NAME.txt, keeping the versions that NAME.txt has where they still fit.
# Remove a NAME.txt to take the newest of everything that NAME.in leaves open.
set -euo pipefail
cd "$(dirname "$0")"
: "${PIP_FIND_LINKS:?name the folder that holds the CPU wheel of torch: its hash goes into cpu.txt}"

compile() {
    local name=$1
    shift
    echo "requirements: $name.txt"
    ../../.venv/bootstrap/bin/uv pip compile --quiet --generate-hashes --no-emit-find-links --no-emit-index-url \
        --python-version 3.11 --python-platform x86_64-manylinux_2_28 --custom-compile-command "make requirements" \
        --output-file "$name.txt" "$@" "$name.in"
}

compile bootstrap
compile cpu --override overrides.txt --find-links "$PIP_FIND_LINKS"
compile gpu --override overrides.txt
compile dev --find-links "$PIP_FIND_LINKS"
compile models --no-deps
compile mlflow
