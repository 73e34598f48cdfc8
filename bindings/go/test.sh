#!/usr/bin/env bash
# Tests the Go package:
#     test.sh PREFIX WORK_DIR
# PREFIX is an installed libl1l2, whose libraries the module gets. Everything is built in WORK_DIR. Exits with 77
# and says what is missing if it cannot run.
#     test.sh calls PREFIX WORK_DIR     only measures what a call costs
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$source/../.." && pwd)
only_calls=
if [ "$1" = calls ]; then
    only_calls=1
    shift
fi
mkdir -p "$2"
prefix=$(cd "$1" && pwd) work=$(cd "$2" && pwd)
cd "$work"
unset L1L2_LIBRARY PKG_CONFIG_PATH LD_LIBRARY_PATH CGO_CFLAGS CGO_LDFLAGS
export GOFLAGS=-buildvcs=false GOWORK=off GOCACHE=$work/cache GOTOOLCHAIN=local

missing() {
    echo "$*"
    exit 77
}
fail() {
    echo "$*" >&2
    exit 1
}
[ -n "$(type -P go)" ] || missing "no go"
printf '%s\n' go1.21 "$(go env GOVERSION)" | sort -CV || missing "no go 1.21 or later"
compiler=$(CGO_ENABLED=1 go env CC)
[ -n "$(type -P "${compiler%% *}")" ] || missing "no $compiler"
for tool in ld objcopy zip unzip; do
    [ -n "$(type -P $tool)" ] || missing "no $tool"
done
if ! downloaded=$(cd "$source" && go mod download 2>&1); then
    network='dial tcp|timeout|connection reset|unexpected EOF|GOPROXY=off|unable to access'
    status='(403|407|429|5[0-9][0-9]) [A-Z]'
    if grep -qE "$network|: $status" <<<"$downloaded"; then
        missing "github.com/ebitengine/purego: $downloaded"
    fi
    fail "$downloaded"
fi
"$source/stage.sh" "$work" "$prefix"

if [ -n "$only_calls" ]; then
    cd "$work/module"
    for way in cgo purego; do
        enabled=$([ $way = cgo ] && echo 1 || echo 0)
        CGO_ENABLED=$enabled go test -run none -bench 'EmptyCall|PenaltyOf16' -count 5 . |
            awk -v way=$way '
                function least(name, ns) { if (!(name in best) || ns < best[name]) best[name] = ns }
                /^BenchmarkEmptyCall/ { least("empty", $3) }
                /^BenchmarkPenaltyOf16/ { least("full", $3) }
                END { print "go, " way ": empty call " best["empty"] " ns, penalty of 16 elements " \
                            best["full"] " ns" }'
    done
    exit
fi

"$source/test_staged.sh" "$work"

cd "$work/module"
[ -z "$(gofmt -l .)" ] || fail "gofmt: $(gofmt -l .)"
library=$(find "$prefix" -name libl1l2.so.0)
export L1L2_VECTORS=$root/tests/conformance/vectors.txt L1L2_INSTALLED=$library
for enabled in 1 0; do
    export CGO_ENABLED=$enabled
    go vet ./...
    go test -count 1 .
    "$root/tests/conformance/changes.sh" "$work/changes" go test -count 1 -run Vectors .
done
# Files are chosen by system, not by processor; on 32-bit ARM 64-bit numbers are aligned otherwise than in C.
for target in darwin/arm64 windows/amd64 linux/arm; do
    GOOS=${target%/*} GOARCH=${target#*/} go vet .
done
export CGO_ENABLED=1
if [ -n "$(type -P staticcheck)" ]; then
    staticcheck ./...
fi
L1L2_VECTORS=$L1L2_VECTORS L1L2_LIBRARY=$library go test -count 1 -run 'Vectors' .
mkdir -p "$work/race"
printf 'package main\n\nfunc main() {}\n' >"$work/race/main.go"
if without=$(go run -race "$work/race/main.go" 2>&1); then
    go test -race -count 1 -run 'Test(AnInstalledLibrary|.*Goroutines|.*Terms|.*Clipped|.*Stack)' -skip Vectors .
else
    echo "the race detector: not run: $without"
fi

cp -r "$root/examples/go" "$work/example"
cd "$work/example"
go mod edit -replace "example.invalid/l1l2=$work/module"
go run . | tee ../example.out
grep -q '^penalty 0.15375$' ../example.out || fail "the example has not printed its penalty"
for enabled in 1 0; do
    CGO_ENABLED=$enabled go build -o "$work/program" .
    "$root/tests/conformance/other_copy.sh" "$work/other" "$work/program"
done
