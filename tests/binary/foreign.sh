#!/usr/bin/env bash
# Checks a library for another kind of system, which cannot be loaded here:
#     foreign.sh macho LIBRARY [NAME]    it has this name, and names of other libraries the system's alone
#     foreign.sh pe LIBRARY              what it exports is what the version script lists; it needs what every Windows has
#     foreign.sh elf LIBRARY             it needs libc alone, and nothing of a glibc after 2.17
set -euo pipefail
cd "$(dirname "$0")/../.."
objdump=x86_64-w64-mingw32-objdump

case $1 in
macho)
    # Names stand in the load commands. zig's linker exports more than is asked for.
    commands=$(od -An -t u4 -j 20 -N 4 "$2")
    diff <(head -c $((32 + commands)) "$2" | strings -n 3 | grep -E '^(/|@).*\.(dylib|node)$' | sort -u) \
        <(printf '%s\n' /usr/lib/libSystem.B.dylib "${@:3}" | sort)
    # macOS on arm64 opens signed files alone.
    if [ "$(od -An -t x4 -j 4 -N 4 "$2")" = ' 0100000c' ] && ! LC_ALL=C grep -qaP '\xfa\xde\x0c\xc0' "$2"; then
        echo "$2 is not signed" >&2
        exit 1
    fi
    ;;
pe)
    table=$("$objdump" -p "$2")
    diff <(grep -oE '\bl1l2_[a-z0-9_]+' capi/l1l2.map | sort) <(grep -oE '\bl1l2_[a-z0-9_]+$' <<<"$table" | sort)
    diff <(grep -c '\[ *[0-9]*\] +base' <<<"$table") <(grep -cE '\bl1l2_[a-z0-9_]+' capi/l1l2.map)
    diff <(sed -n 's/.*DLL Name: //p' <<<"$table" | sort) <(printf '%s\n' KERNEL32.dll msvcrt.dll)
    ;;
elf)
    # Before 2.34, glibc had libraries of their own for some of its functions.
    needed=$(readelf -d "$2" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    symbols=$(objdump -T "$2")
    newest=$(grep -oE 'GLIBC_[0-9.]+' <<<"$symbols" | sort -uV | tail -n 1) || newest=''
    if grep -vE '^(lib(c|m|dl|pthread)\.so|ld-linux)' <<<"$needed" ||
        ! printf '%s\n' "$newest" GLIBC_2.17 | sort -CV; then
        echo "$2 needs $newest and ${needed//$'\n'/, }" >&2
        exit 1
    fi
    ;;
*)
    echo "foreign.sh has no $1" >&2
    exit 2
    ;;
esac
