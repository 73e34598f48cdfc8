#!/usr/bin/env bash
# Tests l1l2_keras and trains with it, in a virtual environment that it makes in the current
# directory the first time. Exits with 77, which means skipped, if that cannot be had.
#
# The environment has L1L2_LIBRARY, the path of libl1l2.so.0, if it is not installed; $PYTHON is
# the Python to take, python3 by default.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
requirements=$source/requirements.txt

# The copy of the requirements comes last, and tells that the environment is complete.
if ! cmp -s "$requirements" venv/requirements.txt; then
    "${PYTHON:-python3}" -m venv --clear venv >log 2>&1 || {
        echo "no python3 with venv"
        exit 77
    }
    venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: \
        --requirement "$requirements" >log 2>&1 || {
        echo "no Keras: pip cannot install requirements.txt: $(grep ERROR log | tail -n 1)"
        exit 77
    }
    cp "$requirements" venv/
fi

# Keras keeps its settings in a folder of the user's, if it is not told otherwise.
export KERAS_HOME=$PWD/keras PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH=$source:$source/../python

venv/bin/python -m unittest test_l1l2_keras >log 2>&1 || {
    cat log >&2
    exit 1
}
grep '^Ran ' log
# TensorFlow tells on stderr what it has not found.
venv/bin/python "$source/train.py" 2>log || {
    cat log >&2
    exit 1
}
