#!/usr/bin/env bash
# Builds a layer: its packages for Lambda's Python and processor, its own code, less what no
# function imports. Usage: layer.sh FOLDER ARTIFACTS [REQUIREMENTS]
#
# LAMBDA_PYTHON picks the version (3.13); wheels are taken for Lambda's platform whatever this
# machine is, so that no compiler and no container is needed.
set -euo pipefail

folder=$1 artifacts=$2 requirements=${3:-}
version=${LAMBDA_PYTHON:-3.13}
here=$(cd "$(dirname "$0")" && pwd)
target=$artifacts/python
mkdir -p "$target"

if [ -n "$requirements" ]; then
  # --no-deps: the list is complete and pinned, and leaves out what only command lines need.
  python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
    --only-binary=:all: --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 \
    --platform any --implementation cp --python-version "$version" \
    --target "$target" --requirement "$requirements"
  python3 "$here/prune.py" "$target"
fi
cp -R "$folder/python/." "$target/"
find "$target" -name __pycache__ -prune -exec rm -rf {} +

# Byte code makes a cold start about twice as fast; only the very version that runs it may write it.
if command -v "python$version" >/dev/null && "python$version" -c pass 2>/dev/null; then
  "python$version" -m compileall -q --invalidation-mode unchecked-hash "$target" || true
else
  echo "layer.sh: no python$version here, so the layer ships without byte code" >&2
fi
