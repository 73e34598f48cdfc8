#!/usr/bin/env bash
# Tests the sdist or the wheel in FOLDER, offline:
#     test_staged.sh FOLDER PYTHON     (PYTHON that of a virtual environment with tests/requirements.txt)
# The wheel that is tested replaces the environment's l1l2. The wheel of an sdist is built in FOLDER/built.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
python=$(cd "$(dirname "$2")" && pwd)/${2##*/}
cd "$1"
unset L1L2_LIBRARY LD_LIBRARY_PATH PYTHONPATH
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export L1L2_VECTORS=$source/../../tests/conformance/vectors.txt

# quietly COMMAND...: prints what it says only if it fails.
quietly() {
    "$@" >log 2>&1 || {
        cat log >&2
        exit 1
    }
}

wheels=.
if [ -n "$(find . -maxdepth 1 -name '*.tar.gz')" ]; then
    wheels=built
    rm -rf built
    # Its own headers are all that there is.
    quietly "$python" -m pip wheel --no-index --no-deps --no-build-isolation --wheel-dir built \
        --config-settings=cmake.define.CMAKE_DISABLE_FIND_PACKAGE_xsimd=ON \
        --config-settings=cmake.define.CMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON ./*.tar.gz
fi
quietly "$python" -m pip install --no-index --no-deps --force-reinstall "$wheels"/*.whl
(cd "$source" && "$python" -m pytest -p no:cacheprovider --quiet tests --ignore tests/frameworks)
"$source/../../tests/conformance/readme_program.sh" python "$source/README.md" >program.py
"$python" program.py | tee program.out
grep -qx 'penalty 0.15375' program.out || {
    echo "the program of README.md failed" >&2
    exit 1
}
