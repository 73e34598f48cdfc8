#!/usr/bin/env bash
# Tests penalty_of_files.py in the current directory, on 350 MB of files that it makes and removes.
# Exits with 77, which means skipped, without NumPy or tqdm.
#
# The environment has L1L2_LIBRARY, the path of libl1l2.so.0; the package l1l2 is taken from the tree. $PYTHON
# is the Python to take.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$source:$source/../../bindings/python/src
for python in "${PYTHON:-}" python3 /usr/bin/python3; do
    if "$python" -c 'import numpy, tqdm' 2>/dev/null; then
        exec timeout 300 "$python" -m unittest test_penalty_of_files
    fi
done
echo "no NumPy and tqdm"
exit 77
