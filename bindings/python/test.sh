#!/usr/bin/env bash
# Tests the Python package as its users get it:  test.sh PREFIX WORK_DIR
#
# PREFIX is an installed libl1l2, which L1L2_LIBRARY chooses in one of the tests. WORK_DIR keeps the virtual
# environments: a second run needs no package index. $PYTHON is the Python to take, python3 by default.
# Exits with 77, and says why, if the tools cannot be had.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$source/../.." && pwd)
installed=$(find "$1" -name libl1l2.so.0)
mkdir -p "$2"
cd "$2"
work=$PWD
python=${PYTHON:-python3}
unset L1L2_LIBRARY LD_LIBRARY_PATH PYTHONPATH
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export L1L2_VECTORS=$root/tests/conformance/vectors.txt

skip() {
    echo "skipped: the wheel, the sdist, all tests of the Python package: $*"
    exit 77
}

fail() {
    echo "$*" >&2
    exit 1
}

# quietly COMMAND...: prints what it says only if it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "failed: $*"
    }
}

# environment NAME PYTHON [OPTION...]: makes a virtual environment, which is complete when it has a copy of
# the requirements.
environment() {
    cmp -s "$source/tests/requirements.txt" "$1/requirements.txt" && return
    "$2" -m venv --clear "${@:3}" "$1" >log 2>&1 || skip "no Python with venv"
    "$1/bin/pip" install --quiet --require-hashes --requirement "$source/tests/requirements.txt" >log 2>&1 || {
        grep -qE 'connection broken|Max retries|Connection|[Tt]imed? ?out' log || fail "$(cat log)"
        skip "pip cannot fetch the tools: $(grep ERROR log | tail -n 1)"
    }
    cp "$source/tests/requirements.txt" "$1/"
}

# build FOLDER SOURCE [OPTION...]: builds a wheel without a package index.
build() {
    rm -rf "$1"
    quietly venv/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir "$1" "${@:2}"
}

# tests LABEL PYTHON [ARGUMENT...]: runs pytest. test_frameworks.sh tests the modules for frameworks.
tests() {
    echo "$1:"
    (cd "$source" && "$2" -m pytest -p no:cacheprovider --quiet tests --ignore tests/frameworks "${@:3}")
}

version=$("$python" -c 'import sys; print("%d%02d" % sys.version_info[:2])') || skip "no $python"
[ "$version" -ge 310 ] || skip "Python 3.10 or later is needed, not $("$python" --version)"
environment venv "$python"

# The wheel of the checkout and that of the sdist, by its own headers, are the same bytes. Both are built without
# network.
build wheel "$source"
rm -rf sdist
quietly "$source/stage.sh" sdist venv/bin/python
build wheel_of_sdist sdist/*.tar.gz --config-settings=cmake.define.CMAKE_DISABLE_FIND_PACKAGE_xsimd=ON \
    --config-settings=cmake.define.CMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON
wheel=$(echo wheel/*.whl)
cmp "$wheel" "wheel_of_sdist/${wheel#wheel/}" || fail "two wheels of one commit differ"
size=$(stat -c %s "$wheel")
echo "$wheel: $size bytes"
case $wheel in *-py3-none-*) ;; *) fail "not a wheel for every Python" ;; esac
[ "$size" -le 500000 ] || fail "the wheel is larger than 500 KB"
[ -z "$(git -C "$source" status --porcelain --ignored . 2>/dev/null | grep libl1l2)" ] ||
    fail "what the sdist was made of was not removed"

# Installed where nothing else of the project is.
quietly venv/bin/pip install --no-index --no-deps --force-reinstall "$wheel"
# Without the compiled module, tests of it would be skipped.
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
[ "$version" -lt 311 ] || [ ! -e "$headers/Python.h" ] || quietly venv/bin/python -c 'import l1l2._fast'
tests "the wheel" "$work/venv/bin/python"
(cd "$source" && ../../tests/conformance/changes.sh "$work/changes" \
    "$work/venv/bin/python" -m pytest -p no:cacheprovider --quiet tests/test_conformance.py)
# Without the modules of frameworks that are not there, which test_frameworks.sh tests.
venv/bin/python -m pytest -p no:cacheprovider --quiet --doctest-modules --doctest-ignore-import-errors --pyargs l1l2
venv/bin/mypy --config-file "$source/pyproject.toml" --cache-dir mypy "$source/src/l1l2"
venv/bin/mypy --strict --cache-dir mypy "$root/examples/python/example.py"
venv/bin/mypy --strict --cache-dir mypy -c 'import ctypes, l1l2; l1l2.Regularizer()((ctypes.c_float * 2)())'
venv/bin/python "$root/examples/python/example.py" | tee example.out
grep -qE '^penalty 0\.15375$' example.out || fail "the example has not printed its penalty"

"$root/tests/conformance/readme_program.sh" python "$source/README.md" >program.py
venv/bin/python program.py | tee program.out
grep -qx 'penalty 0.15375' program.out || fail "the program of README.md failed"

# By ctypes alone, with the library of the prefix.
quietly venv/bin/pip uninstall --yes l1l2
L1L2_LIBRARY=$installed PYTHONPATH=$source/src tests "$installed, without the compiled module" \
    "$work/venv/bin/python" --ignore tests/test_memory.py --ignore tests/test_library.py

# Another Python of the system, with the packages that it has.
system=/usr/bin/python3
if "$system" -c 'import numpy, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    numpy=$("$system" -c 'import numpy; print(numpy.__version__)')
    "$source/tests/without_numpy.sh" "$system" >system.txt
    cmp -s system.txt system/requirements.txt || {
        quietly "$system" -m venv --clear --system-site-packages system
        quietly system/bin/pip install --no-deps --require-hashes --requirement system.txt
        cp system.txt system/requirements.txt
    }
    quietly system/bin/pip install --no-index --no-deps --force-reinstall "$wheel"
    tests "$system with NumPy $numpy" "$work/system/bin/python" --ignore tests/test_memory.py
else
    echo "skipped: $system, which has no NumPy or is older than Python 3.10"
fi
