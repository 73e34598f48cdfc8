#!/usr/bin/env bash
# Checks that the pages say what is there: readme.sh SOURCE
set -euo pipefail
cd "$1"
fail() {
    echo "$*" >&2
    exit 1
}
shopt -s nullglob
pages=(*.md docs/*.md examples/data/*/README.md tests/golden/README.md tests/keras_models/README.md bindings/*/README.md)

# Code after a line  From [NAME](FILE):  stands in that file, at any indentation.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for page in "${pages[@]}"; do
    rm -f "$work"/*
    awk '/^From \[.*\]\(.*\):$/ { file = $0; sub(/^.*\]\(/, "", file); sub(/\):$/, "", file); next }
        /^```/ { open = !open; if (open && file) print file > (work "/" ++n ".file"); if (!open) file = ""; next }
        open && file { print > (work "/" n ".code") }
        !open && NF { file = "" }' work="$work" "$page"
    for code in "$work"/*.code; do
        file=$(dirname "$page")/$(<"${code%.code}.file")
        [[ $(sed 's/^[ \t]*//' "$file") == *"$(sed 's/^[ \t]*//' "$code")"* ]] || fail "$page shows what is not in $file"
        echo "$page: ${file##*/}"
    done
done >"$work.shown"
cat "$work.shown"
grep -q 'training.md: step.c' "$work.shown" || fail "docs/training.md shows no training step"
rm "$work.shown"

# The first program of the README is the one that the tests compile.
block() { awk -v n="$1" '/^```c$/ { ++seen; next } /^```$/ { if (seen == n) exit } seen == n' README.md; }
[ -n "$(block 1)" ] || fail "README.md shows no C program"
diff <(block 1) <(grep -v SPDX- examples/c/penalty/penalty.c) || fail "the README's program is not examples/c/penalty/penalty.c"

# Every package and every page is found from the README.
for package in bindings/*/; do
    grep -qF "](${package%/})" README.md || fail "README.md does not link to ${package%/}"
done
for page in docs/*.md; do
    grep -qF "]($page)" README.md || fail "README.md does not link to $page"
done

# Every file that a page links to is there.
for page in "${pages[@]}"; do
    targets=$(grep -oE '\]\([^)#: ]+\)' "$page" | tr -d '])(' || true)
    for target in $targets; do
        [ -e "$(dirname "$page")/$target" ] || fail "$page links to $target, which is not there"
    done
done

[ "$(wc -l <README.md)" -le 200 ] || fail "README.md has more than 200 lines"
[ "$(wc -l <docs/testing.md)" -le 150 ] || fail "docs/testing.md has more than 150 lines"

# Every source that is published names its holder and its licence. What builds leave there is not looked at.
unlicensed=$(find src capi include threads bindings examples packaging \
    -type d \( -name test -o -name tests -o -name build -o -name native -o -name node_modules -o -name target -o -name third_party \) -prune -o \
    -type f -regextype posix-extended -regex '.*\.(c|cpp|h|hpp|py|go|rs|jl|js|mjs|ts|mts)' -not -name '*_test.go' -print0 |
    xargs -0 awk 'FNR <= 3 && /SPDX-FileCopyrightText: 2026 The l1l2 authors/ { holder[FILENAME] }
        FNR <= 3 && /SPDX-License-Identifier: Apache-2.0/ { licence[FILENAME] }
        END { for (i = 1; i < ARGC; ++i) if (!(ARGV[i] in holder && ARGV[i] in licence)) print ARGV[i] }')
[ -z "$unlicensed" ] || fail "without SPDX lines: $unlicensed"

# The version of the header has an entry.
version=$(scripts/lib/version.sh)
grep -qF "## [$version]" CHANGELOG.md || fail "CHANGELOG.md has no entry for $version"
