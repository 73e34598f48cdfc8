#!/usr/bin/env bash
# Runs a program of this folder:  oracle.sh oracle.py|error_search.py|accumulator_model.py [ARGUMENT...]
# with the library that L1L2_LIBRARY names. Exits with 77 without a Python that has NumPy.
set -euo pipefail
cd "$(dirname "$0")"
for python in "${PYTHON:-}" python3 /usr/bin/python3; do
    if "$python" -c 'import numpy, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
        exec "$python" -B "$@"
    fi
done
echo "no Python 3.10 or later with NumPy"
exit 77
