#!/usr/bin/env bash
# Tests l1l2_keras and trains with it, in a virtual environment that it makes in the current
# directory the first time. Exits with 77, which means skipped, if that cannot be had.
#
# The environment has L1L2_LIBRARY, the path of libl1l2.so.0; the package l1l2 is taken from the tree. $PYTHON
# is the Python to take, python3 by default.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
requirements=$source/requirements.txt

skip() {
    echo "$*"
    exit 77
}

# Whether the network is what failed: it is in pip's first error, in the warning just before that (when
# pip has given up, the error is only that it has found nothing), or in what follows.
network_failed() {
    awk '/ERROR/ && !n++ { print previous } n { print } { previous = $0 }' log >errors
    ! grep -q 'DO NOT MATCH THE HASHES' errors &&
        grep -qE 'connection broken|Max retries|Connection|[Tt]imed? ?out|HTTP error|(Client|Server) Error' errors
}

# The copy of the requirements comes last, and shows that the environment is complete.
if ! cmp -s "$requirements" venv/requirements.txt; then
    python=${PYTHON:-python3}
    version=$("$python" -c 'import sys; print("%d%02d" % sys.version_info[:2])' 2>log) ||
        skip "no python3"
    if [ "$version" -lt 311 ] || [ "$version" -gt 313 ] || [ "$(uname -m)" != x86_64 ]; then
        skip "no Keras: requirements.txt is for Python 3.11 to 3.13 on x86-64"
    fi
    "$python" -m venv --clear venv >log 2>&1 || skip "no python3 with venv"
    if ! venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: \
        --requirement "$requirements" >log 2>&1; then
        ! network_failed || skip "no Keras: pip cannot fetch it: $(grep ERROR log | tail -n 1)"
        cat log >&2
        exit 1
    fi
    cp "$requirements" venv/
fi

# Keras keeps its settings in a folder of the user's, unless KERAS_HOME says otherwise.
export KERAS_HOME=$PWD/keras PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH=$source:$source/../../bindings/python/src

venv/bin/python -m unittest test_l1l2_keras >log 2>&1 || {
    cat log >&2
    exit 1
}
grep '^Ran ' log
# TensorFlow writes to stderr what it did not find.
venv/bin/python "$source/train.py" 2>log || {
    cat log >&2
    exit 1
}
