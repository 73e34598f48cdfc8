#!/usr/bin/env bash
# Tests penalty_of_shards.py in the current directory, on 1 to 4 processes of this machine. Exits with
# 77, which means skipped, without PyTorch and its torch.distributed.
#
# The environment has L1L2_LIBRARY, the path of libl1l2.so.0; the package l1l2 is taken from the tree. $PYTHON
# is the Python to take.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$source:$source/../../bindings/python/src
# This machine alone, whatever its name stands for. (Gloo takes the device that has its address.)
export GLOO_SOCKET_IFNAME=lo OMP_NUM_THREADS=1
unset RANK WORLD_SIZE
for python in "${PYTHON:-}" python3 /usr/bin/python3; do
    if "$python" -c 'import numpy, torch.distributed as d; assert d.is_gloo_available()' 2>/dev/null; then
        exec timeout 600 "$python" -m unittest test_penalty_of_shards
    fi
done
echo "no PyTorch with torch.distributed and Gloo"
exit 77
