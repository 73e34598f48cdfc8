#!/bin/sh
# Prints what a Python with a NumPy of its own needs for the tests, to be installed without dependencies:
#     without_numpy.sh PYTHON
# requirements.txt without NumPy, without JAX and what that needs, and without ml_dtypes if it is there.
left_out='jax|jaxlib|numpy|opt-einsum|scipy'
"$1" -c 'import ml_dtypes' 2>/dev/null && left_out="$left_out|ml-dtypes"
awk -v "left_out=^($left_out)==" '/^[a-z]/ { wanted = $0 !~ left_out } wanted' "$(dirname "$0")/requirements.txt"
