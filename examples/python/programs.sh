#!/usr/bin/env bash
# Runs the programs in Python for tests/conformance/check.sh, which says how.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)

case $1 in
build)
    for python in "${PYTHON:-}" python3 /usr/bin/python3; do
        if "$python" -c 'import numpy' 2>/dev/null; then
            echo "$python" >python
            exit
        fi
    done
    echo "no NumPy"
    exit 77
    ;;
variants) echo ctypes ;;
*) PYTHONDONTWRITEBYTECODE=1 "$(cat python)" "$source/$2.py" "${@:3}" ;;
esac
