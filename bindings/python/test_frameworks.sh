#!/usr/bin/env bash
# Tests the Python package with a framework:  test_frameworks.sh WORK_DIR FRAMEWORK [PYTEST_ARGUMENT...]
#
# FRAMEWORK is jax, torch, tensorflow, or keras, which takes the others, too. They are those of $PYTHON (python3 by
# default) if it has them, in whatever version. Otherwise all of tests/frameworks/requirements.txt are fetched, if
# $L1L2_FETCH_FRAMEWORKS is ON, which takes gigabytes, or else the tests are skipped: the script exits with 77 and says
# so. WORK_DIR keeps the virtual environments and the wheel.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
framework=$2
mkdir -p "$1"
cd "$1"
work=$PWD
python=${PYTHON:-python3}
unset L1L2_LIBRARY LD_LIBRARY_PATH PYTHONPATH
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Keras keeps its settings in a folder of the user's, unless KERAS_HOME says otherwise.
export KERAS_HOME=$work/keras_home TF_CPP_MIN_LOG_LEVEL=3 JAX_PLATFORMS=cpu CUDA_VISIBLE_DEVICES=

skip() {
    echo "skipped: all tests of l1l2.$framework: $*"
    exit 77
}

# quietly COMMAND...: prints what it says only if it fails.
quietly() {
    "$@" >"$framework.log" 2>&1 || {
        cat "$framework.log" >&2
        echo "failed: $*" >&2
        exit 1
    }
}

# fetch OPTION...: installs packages whose hashes are known, or skips if the network is what fails.
fetch() {
    "$environment/bin/pip" install --quiet --require-hashes "$@" >"$framework.log" 2>&1 && return
    grep -qE 'connection broken|Max retries|Connection|[Tt]imed? ?out' "$framework.log" || {
        cat "$framework.log" >&2
        exit 1
    }
    skip "pip cannot fetch them: $(grep ERROR "$framework.log" | tail -n 1)"
}

version=$("$python" -c 'import sys; print("%d%02d" % sys.version_info[:2])') || skip "no $python"
[ "$version" -ge 310 ] || skip "Python 3.10 or later is needed, not $("$python" --version)"
modules=$framework
[ "$framework" != keras ] || modules="keras tensorflow jax torch"
# Says what is missing, or older than pyproject.toml allows.
what_is_missing() {
    "$python" - "$source/pyproject.toml" $modules <<'END'
import importlib.metadata
import re
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    needs = file.read()
for name in sys.argv[2:]:
    needed = re.search(rf'"{name}>=([0-9.]+)', needs)[1]
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        print("no", name)
        continue
    if [int(n) for n in found.split(".")[:2]] < [int(n) for n in needed.split(".")[:2]]:
        print(name, found, "is older than", needed)
END
}
missing=$(what_is_missing)
if [ -z "$missing" ]; then
    environment=$work/$framework
    # With the NumPy that the framework takes.
    "$source/tests/without_numpy.sh" "$python" >"$framework.txt"
    stamp="$("$python" -c 'import sys; print(sys.prefix, sys.version)' && cat "$framework.txt")"
    site=--system-site-packages
elif [ "${L1L2_FETCH_FRAMEWORKS-}" = ON ]; then
    { [ "$version" -ge 311 ] && [ "$version" -le 313 ]; } ||
        skip "what would be fetched is for Python 3.11 to 3.13, not $("$python" --version)"
    environment=$work/fetched
    stamp=$(cat "$source/tests/frameworks/requirements.txt")
    site=
else
    skip "${missing//$'\n'/, } for $("$python" --version) (scripts/test.sh --frameworks fetches what is needed)"
fi
if [ "$(cat "$environment/stamp" 2>/dev/null)" != "$stamp" ]; then
    "$python" -m venv --clear $site "$environment" >"$framework.log" 2>&1 || skip "no Python with venv"
    # A venv of a venv does not see the packages of the first.
    if [ -n "$site" ]; then
        "$python" -c 'import sys; print(*(path for path in sys.path if path.endswith("-packages")), sep="\n")' \
            >"$(echo "$environment"/lib/python*/site-packages)/outer.pth"
        fetch --no-deps --requirement "$framework.txt"
    else
        fetch --requirement "$source/tests/frameworks/requirements.txt"
    fi
    echo "$stamp" >"$environment/stamp"
fi

# One wheel for all frameworks, of the sources as they are now.
rm -rf "wheel_$framework"
quietly "$environment/bin/pip" wheel --no-index --no-deps --no-build-isolation --wheel-dir "wheel_$framework" "$source"
quietly "$environment/bin/pip" install --no-index --no-deps --force-reinstall wheel_"$framework"/*.whl
cd "$source"
if [ "$framework" = keras ]; then
    for backend in tensorflow jax torch; do
        echo "Keras on $backend:"
        KERAS_BACKEND=$backend "$environment/bin/python" -m pytest -p no:cacheprovider --quiet \
            tests/frameworks/test_keras.py "${@:3}"
        KERAS_BACKEND=$backend "$environment/bin/python" "$source/../../examples/keras/train.py" | tail -n 1
    done
else
    "$environment/bin/python" -m pytest -p no:cacheprovider --quiet tests/frameworks/test_"$framework"*.py "${@:3}"
fi
