#!/usr/bin/env bash
# Tests the module that stage.sh has made in FOLDER, offline, in a project of a user's own:
#     test_staged.sh FOLDER
# The project gets the module from FOLDER/proxy, and its one dependency from Go's cache.
set -euo pipefail
vectors=$(cd "$(dirname "$0")/../.." && pwd)/tests/conformance/vectors.txt
cd "$1"
list=$(find proxy -name list)
name=${list#proxy/} version=$(<"$list")
name=${name%/@v/list}

fail() {
    echo "$*" >&2
    exit 1
}

rm -rf fresh
mkdir fresh
cat >fresh/main.go <<END
package main

import (
	"fmt"

	"$name"
)

func main() {
	regularizer, err := l1l2.New(0.01, 0.02)
	if err != nil {
		fmt.Println(err)
		return
	}
	penalty, err := l1l2.Penalty(regularizer, []float32{0.5, -1.25, 0, 2})
	fmt.Println("penalty", penalty, err)
}
END
cd fresh
# A proxy's path has no spaces.
link=$(mktemp -d)
trap '[ -z "${WINEPREFIX-}" ] || wineserver -k || true; chmod -R u+w "$link"; rm -rf "$link"' EXIT
ln -s "$(cd .. && pwd)/proxy" "$link/proxy"
GOPROXY=file://$link/proxy,file://$(go env GOMODCACHE | sed 's/ /%20/g')/cache/download
export GOPROXY GOMODCACHE=$link/modules GOPRIVATE=$name GONOPROXY=none GOFLAGS=-buildvcs=false GOWORK=off GOTOOLCHAIN=local
unset L1L2_LIBRARY PKG_CONFIG_PATH LD_LIBRARY_PATH CGO_CFLAGS CGO_LDFLAGS

module=$link/modules/$name@$version

# With cgo and without, and vendored.
go mod init fresh 2>/dev/null
unzip -p "../proxy/$name/@v/$version.zip" "$name@$version/go.sum" >go.sum # hashes of what it needs
go mod tidy 2>tidy.log || fail "$(cat tidy.log)"
grep -qE "$name $version\$" go.mod || fail "$(cat go.mod)"
library=$module/internal/shared/libl1l2_linux_$(go env GOARCH).so
expected="penalty 0.15375 <nil>"
for enabled in 1 0; do
    [ "$(CGO_ENABLED=$enabled go run .)" = "$expected" ] || fail "a fresh project: $(CGO_ENABLED=$enabled go run .)"
done
CGO_ENABLED=1 go build -o fresh .
if ldd fresh | grep -E 'l1l2|stdc'; then
    fail "the library is not linked statically"
fi
go mod vendor
[ "$(CGO_ENABLED=1 go run -mod=vendor .)" = "$expected" ] || fail "a vendored project"
# Without the library in the module it is the system's, and a sentence if there is none.
CGO_ENABLED=1 go build -mod=mod -tags l1l2_shared -o shared .
./shared | grep -q "^l1l2: cannot load libl1l2: looked for libl1l2.so.0 in the system's library folders" ||
    [ "$(./shared)" = "$expected" ] || fail "without a library: $(./shared)"
[ "$(L1L2_LIBRARY=$library ./shared)" = "$expected" ] || fail "L1L2_LIBRARY: $(L1L2_LIBRARY=$library ./shared)"

for enabled in 1 0; do
    (cd "$module" && L1L2_VECTORS=$vectors CGO_ENABLED=$enabled go test -count 1 -v -run Vectors .) >tests.log ||
        fail "$(cat tests.log)"
    grep -q -- '--- PASS: TestVectors' tests.log || fail "no test has read the vectors: $(cat tests.log)"
done

# Built for the other systems that the module has a library for, and run where an emulator is here.
runs() {
    local program=$1
    shift
    if [ -z "$(type -P "$1")" ]; then
        echo "$name: built, not run, as there is no $1"
        return
    fi
    "$@" "$program" -test.v -test.run Vectors </dev/null >tests.log 2>&1 ||
        fail "$name: $(tail -n 20 tests.log)"
    grep -q -- '--- PASS: TestVectors' tests.log || fail "$name has not read the vectors: $(tail -n 20 tests.log)"
    echo "$name: all bits equal"
}
# A program of Go needs a function of Windows that Wine has from version 9 on.
prepare_wine() {
    [ -n "$(type -P wine)" ] && [ -n "$(type -P x86_64-w64-mingw32-gcc)" ] || return 0
    export WINEPREFIX=$link/wine WINEDEBUG=-all
    wine cmd /c exit </dev/null >wine.log 2>&1 || fail "$(<wine.log)"
    local library=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
    [ -e "$library" ] || x86_64-w64-mingw32-gcc -shared -x c - -o "$library" -ladvapi32 <<'END'
#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL ProcessPrng(void* data, SIZE_T n) { return RtlGenRandom(data, (ULONG)n); }
END
}
export L1L2_VECTORS=$vectors
for file in "$module"/internal/shared/embed_*.go; do
    IFS=_ read -r _ system architecture <<<"$(basename "$file" .go)"
    name=$system/$architecture program=$link/program
    [ "$name" != "linux/$(go env GOARCH)" ] || continue
    (cd "$module" && GOOS=$system GOARCH=$architecture CGO_ENABLED=0 go test -c -o "$program" .)
    case $name in
    linux/arm64)
        runs "$program" qemu-aarch64 -L /usr/aarch64-linux-gnu
        if [ -n "$(type -P aarch64-linux-gnu-gcc)" ]; then
            name+=" with cgo"
            (cd "$module" && GOARCH=arm64 CGO_ENABLED=1 CC=aarch64-linux-gnu-gcc go test -c -o "$program" .)
            runs "$program" qemu-aarch64 -L /usr/aarch64-linux-gnu
        fi
        ;;
    windows/amd64)
        mv "$program" "$program.exe"
        prepare_wine
        runs "$program.exe" wine
        ;;
    *) echo "$name: built, not run" ;;
    esac
done
