#!/usr/bin/env bash
# Makes the sdist as it would be published, without network:
#     stage.sh FOLDER PYTHON     (PYTHON the path of a Python that has scikit-build-core)
# FOLDER/l1l2-VERSION.tar.gz
set -euo pipefail
mkdir -p "$1"
folder=$(cd "$1" && pwd) python=$(cd "$(dirname "$2")" && pwd)/${2##*/}
cd "$(dirname "$0")"
"$python" -B -c 'import sys, build_backend; build_backend.build_sdist(sys.argv[1])' "$folder"
