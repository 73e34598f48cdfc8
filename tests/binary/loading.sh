#!/usr/bin/env bash
# Loads the shared library into other hosts:
#     loading.sh rounds PROGRAM LIBRARY WORK
#     loading.sh copies PROGRAM LIBRARY WORK
#     loading.sh other_runtime PROGRAM LIBRARY WORK
# PROGRAM is loading_test. Exits with 77 if a case does not apply.
set -euo pipefail
case=$1 program=$2 library=$3 work=$4
mkdir -p "$work"

case $case in
rounds) "$program" rounds "$library" ;;
copies)
    # Under another name, as in another package.
    cp "$library" "$work/libother.so"
    "$program" copies "$library" "$work/libother.so"
    ;;
other_runtime)
    # The process has loaded a libstdc++ whose functions all abort: a call that the library's own runtime
    # does not serve itself ends the process.
    runtime=$("${CXX:-c++}" -print-file-name=libstdc++.so.6)
    [ -e "$runtime" ] || {
        echo "no libstdc++.so.6"
        exit 77
    }
    cd "$work" # LD_PRELOAD ends a path at a space
    {
        echo '#include <stdlib.h>'
        echo '__attribute__((used)) static void stub(void) { abort(); }'
        nm -D --defined-only "$runtime" | awk '
            $2 ~ /[TWi]/ && !seen[$3 = substr($3, 1, index($3 "@", "@") - 1)]++ {
                printf "__asm__(\".globl %s\\n.type %s, %%function\\n.set %s, stub\");\n", $3, $3, $3
            }'
    } >stubs.c
    grep -q 'globl _Znwm' stubs.c
    grep -q 'globl __cxa_throw' stubs.c
    "${CC:-cc}" -shared -fPIC -Wl,-soname,libstdc++.so.6 -o libstdc++.so.6 stubs.c
    LD_PRELOAD=./libstdc++.so.6 "$program" use "$library"
    # The stubs work: a library without a runtime of its own aborts in them.
    printf 'extern "C" void l1l2_stub() { delete new int; }\n' >dependent.cpp
    "${CXX:-c++}" -O0 -shared -fPIC -o dependent.so dependent.cpp
    "$program" new ./dependent.so
    status=0
    (ulimit -c 0 && LD_PRELOAD=./libstdc++.so.6 exec "$program" new ./dependent.so) 2>/dev/null || status=$?
    if [ $status -ne 134 ]; then # SIGABRT
        echo "the stubs stop nothing: $status" >&2
        exit 1
    fi
    ;;
*)
    echo "no such case: $case" >&2
    exit 2
    ;;
esac
