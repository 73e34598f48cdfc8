#!/usr/bin/env bash
# Loads the shared library into processes of other people:
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
    # Under another name, as another package may have it.
    cp "$library" "$work/libother.so"
    "$program" copies "$library" "$work/libother.so"
    ;;
other_runtime)
    # A process that has loaded a libstdc++ first, of which each function aborts: one call that the
    # library's own runtime does not answer itself, and it is over. Names and versions are those of
    # the real one, so that the dynamic linker would take them.
    runtime=$("${CXX:-c++}" -print-file-name=libstdc++.so.6)
    [ -e "$runtime" ] || {
        echo "no libstdc++.so.6"
        exit 77
    }
    {
        echo '.text'
        nm -D --defined-only "$runtime" | awk '
            $2 ~ /[TWi]/ { split($3, name, "@"); if (!(name[1] in seen)) print name[1]; seen[name[1]] }' |
            sed 's/.*/.globl "&"\n.type "&", %function\n"&":/'
        echo 'call abort@PLT'
        echo '.section .note.GNU-stack,"",%progbits'
    } >"$work/stubs.s"
    grep -q '^"_Znwm":' "$work/stubs.s"
    grep -q '^"__cxa_throw":' "$work/stubs.s"
    "${CC:-cc}" -shared -Wl,-soname,libstdc++.so.6 -o "$work/libstdc++.so.6" "$work/stubs.s"
    LD_PRELOAD=$work/libstdc++.so.6 "$program" use "$library"
    # The stubs do what they are for: a library without a runtime of its own falls over them.
    printf 'extern "C" int* l1l2_stub() { return new int; }\n' >"$work/dependent.cpp"
    "${CXX:-c++}" -shared -fPIC -o "$work/dependent.so" "$work/dependent.cpp"
    printf '#include <dlfcn.h>\nint main(int c, char** v) { (void)c; ((int* (*)(void))dlsym(dlopen(v[1], RTLD_NOW), "l1l2_stub"))(); }\n' \
        >"$work/host.c"
    "${CC:-cc}" -o "$work/host" "$work/host.c" -ldl
    if (ulimit -c 0 && LD_PRELOAD=$work/libstdc++.so.6 "$work/host" "$work/dependent.so") 2>/dev/null; then
        echo "the stubs stop nothing" >&2
        exit 1
    fi
    ;;
*)
    echo "no such case: $case" >&2
    exit 2
    ;;
esac
