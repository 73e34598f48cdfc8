#!/bin/sh
# A compiler launcher (CMAKE_CXX_COMPILER_LAUNCHER) for mutants, which are compiled once and run for a
# second: -O1 in the place of any other level, that of the kernels too.
for argument; do
    shift
    case $argument in
    -O*) argument=-O1 ;;
    esac
    set -- "$@" "$argument"
done
exec "$@"
