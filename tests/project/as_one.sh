#!/usr/bin/env bash
# Compiles the sources of each library as one, as CMAKE_UNITY_BUILD may, without making code of them:
#     as_one.sh SOURCE_DIR COMPILER OPTION...
# Two of them must not give one name to different things, nor to one thing of their own and one that both see.
set -euo pipefail
cd "$1"
as_one() {
    printf '#include "%s"\n' "$@" |
        "${command[@]}" -std=c++17 -fsyntax-only -Wall -Wextra -Wshadow -Werror -I . -I src -I include -x c++ -
}
command=("${@:2}")
# The other kernels are compiled for an instruction set each.
as_one src/*.cpp src/kernels/{cpu,dispatch,generic}.cpp
as_one capi/*.cpp
