#!/usr/bin/env bash
# Runs a Python program that needs NumPy:  numpy.sh PROGRAM [ARGUMENT...]
# Exits with 77 without NumPy.
set -euo pipefail
for python in python3 /usr/bin/python3; do
    if "$python" -c 'import numpy' 2>/dev/null; then
        exec "$python" -B "$@"
    fi
done
echo "no NumPy"
exit 77
