#!/usr/bin/env bash
# Looks at the binary itself:
#     symbols.sh exports LIBRARY HEADER MAP  it exports the header's functions, each with the version
#                                            node that the version script gives it, and only those
#     symbols.sh dependencies LIBRARY        it needs libc and libm at most
#     symbols.sh threads_dependencies LIBRARY
#                                            it needs oneTBB, but not libl1l2, and stays when closed
#     symbols.sh size LIBRARY                stripped it has less than 700 KB
#     symbols.sh kernels OBJECT...           no kernel object shares code or runs any at load time
set -euo pipefail
fail() {
    echo "$*" >&2
    exit 1
}

case $1 in
exports)
    exported=$(nm -D --defined-only "$2" | awk '$2 != "A" { print $3 }' | sort)
    # Comments show calls.
    declared=$(grep -vE '^ *(/\*|\*)' "$3" | grep -oE '\bl1l2_[a-z0-9_]+\(' | tr -d '(' | sort -u)
    [ -n "$declared" ] || fail "no function found in $3"
    versioned=$(awk '/\{/ { node = $1 } /^ *l1l2_.*;/ { print substr($1, 1, length($1) - 1) "@@" node }' \
        "$4" | sort)
    diff <(echo "$declared") <(sed 's/@@.*//' <<<"$versioned") ||
        fail "the version script differs from the header"
    diff <(echo "$versioned") <(echo "$exported") || fail "exports differ from the version script"
    ;;
dependencies)
    needed=$(readelf -d "$2" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    [ -n "$needed" ] || fail "nothing needed? not even libc"
    ! grep -vE '^(libc\.so|libm\.so|ld-linux)' <<<"$needed" || fail "more than libc and libm"
    ;;
threads_dependencies)
    dynamic=$(readelf -d "$2")
    grep -q 'NEEDED.*\[libtbb\.so' <<<"$dynamic" || fail "oneTBB is not needed"
    ! grep 'NEEDED.*\[libl1l2' <<<"$dynamic" || fail "libl1l2 is needed"
    grep -q 'FLAGS_1.*NODELETE' <<<"$dynamic" || fail "dlclose would unload it"
    ;;
size)
    stripped=$(mktemp)
    trap 'rm -f "$stripped"' EXIT
    strip -o "$stripped" "$2"
    bytes=$(stat -c %s "$stripped")
    echo "$bytes bytes"
    [ "$bytes" -lt 700000 ] || fail "too large"
    ;;
kernels)
    shift
    for object in "$@"; do
        # u, V, W: what the linker may take from another object instead.
        ! nm -C "$object" | grep -E ' [uVvWw] ' || fail "$object shares a symbol"
        ! nm -C --defined-only "$object" | grep -E ' [A-Z] ' | grep -v ' D l1l2::kernels::' ||
            fail "$object defines more than its tables"
        nm -C --defined-only "$object" | grep -q ' D l1l2::kernels::' || fail "$object has no table"
        ! objdump -h "$object" | grep -E '\.(init_array|ctors)' || fail "$object runs code at load time"
    done
    ;;
*) fail "no such check: $1" ;;
esac
