#!/usr/bin/env bash
# That golden.txt is what make_golden.py makes of the specification. Exits with 77 without NumPy.
set -euo pipefail
cd "$(dirname "$0")"
for python in python3 /usr/bin/python3; do
    if "$python" -c 'import numpy' 2>/dev/null; then
        exec "$python" make_golden.py --check
    fi
done
echo "no NumPy"
exit 77
