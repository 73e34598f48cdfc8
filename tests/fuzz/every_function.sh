#!/usr/bin/env bash
# Checks that the target `calls` has a call of every function that is exported: every_function.sh SOURCE
set -euo pipefail
cd "$1"
grep -oE '\bl1l2_[a-z0-9_]+' capi/l1l2.map | while read -r name; do
    grep -q "\\b$name(" tests/fuzz/{calls.cpp,list_calls.hpp,tensor_calls.hpp} || {
        echo "$name is not called"
        exit 1
    }
done
