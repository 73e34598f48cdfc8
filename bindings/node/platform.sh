#!/usr/bin/env bash
# Makes the native files of a platform from the library that scripts/lib/platform.sh has made in LIBRARY, and checks what
# they need:
#     platform.sh FOLDER PLATFORM LIBRARY
# FOLDER/PLATFORM has the addon and the library. Node's headers, which are the same everywhere, are beside the node on the
# PATH, or in NODE_INCLUDE_DIR. Exits with 77 if there are none.
set -euo pipefail
mkdir -p "$1/$2"
folder=$(cd "$1/$2" && pwd) platform=$2 library=$(cd "$3" && pwd)
cd "$(dirname "$0")"
fail() {
    echo "$platform: $*" >&2
    exit 1
}

include=$(node -p 'require("./host.js").include')
[ -e "$include/node_api.h" ] || {
    echo "no node_api.h in $include"
    exit 77
}
sources=(src/addon.c src/sums.c src/terms.c)
options=(-shared -s -O2 -std=gnu11 -fvisibility=hidden -I../../include -isystem "$include" -Wall -Wextra -Wpedantic -Werror)
addon=$folder/l1l2.node
case $platform in
win32-*)
    # Node-API is in the program that loads the addon, which is called node.exe.
    (echo LIBRARY node.exe && echo EXPORTS &&
        grep -ohE '\bnapi_[a-z0-9_]+\(' "$include"/{js_native_api,node_api}.h | tr -d '(' | sort -u) >"$library/node.def"
    x86_64-w64-mingw32-dlltool --input-def "$library/node.def" --output-lib "$library/libnode.a"
    # With msvcrt's printf: mingw-w64's own one is a fifth of the addon.
    "$library/tools/cc" "${options[@]}" -D__USE_MINGW_ANSI_STDIO=0 -Wno-pedantic-ms-format -static "${sources[@]}" \
        -L"$library" -lnode -o "$addon"
    needed=$(x86_64-w64-mingw32-objdump -p "$addon" | sed -n 's/.*DLL Name: //p' | LC_ALL=C sort | tr '\n' ' ')
    [ "$needed" = 'KERNEL32.dll msvcrt.dll node.exe ' ] || fail "the addon needs $needed"
    ;;
darwin-*)
    "$library/tools/cc" "${options[@]}" -Wl,-undefined,dynamic_lookup -Wl,-install_name,@rpath/l1l2.node "${sources[@]}" \
        -o "$addon"
    ../../tests/binary/foreign.sh macho "$addon" @rpath/l1l2.node
    ;;
*)
    "$library/tools/cc" "${options[@]}" -fPIC "${sources[@]}" -ldl -o "$addon"
    ../../tests/binary/foreign.sh elf "$addon"
    ;;
esac
cp "$library"/libl1l2* "$folder/"
