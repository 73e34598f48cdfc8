#!/usr/bin/env bash
# Checks that the README tells what is there: readme.sh SOURCE
set -euo pipefail
cd "$1"
fail() {
    echo "$*" >&2
    exit 1
}

# The first program that it shows is one that the tests compile and run, the second a part of one.
block() { awk -v n="$1" '/^```c$/ { ++seen; next } /^```$/ { if (seen == n) exit } seen == n' README.md; }
[ -n "$(block 1)" ] || fail "README.md shows no C program"
diff <(block 1) examples/c/penalty/penalty.c || fail "the README's program is another one"
[ -n "$(block 2)" ] || fail "README.md shows no training step"
[[ $(<examples/c/step/step.c) == *"$(block 2)"* ]] || fail "the README's step is not in step.c"

# Under these headings each piece of code stands in the file that the line before it names.
language_blocks() {
    awk '/^## / { inside = $0 ~ /^## In (your language|parts, on many machines)$/ }
        !inside { next }
        /^```/ { open = !open; if (open) print file > (work "/" ++n ".file"); next }
        open { print > (work "/" n ".code") }
        /\]\(examples\// { file = $0; sub(/^.*\]\(/, "", file); sub(/\).*$/, "", file) }' work="$1" README.md
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
language_blocks "$work"
for code in "$work"/*.code; do
    file=$(<"${code%.code}.file")
    # Wherever it is indented to.
    [[ $(sed 's/^[ \t]*//' "$file") == *"$(sed 's/^[ \t]*//' "$code")"* ]] ||
        fail "the README shows what is not in $file"
done
[ -e "$work/1.code" ] || fail "README.md shows no code of other languages"
while read -r language; do
    grep -qF "](examples/$language) |" README.md || fail "README.md has no row for examples/$language"
done <tests/conformance/languages.txt

# Every file that a page links to is there.
for page in README.md CHANGELOG.md docs/*.md examples/data/*/README.md tests/golden/README.md; do
    targets=$(grep -oE '\]\([^)#:]+\)' "$page" | tr -d '])(' || true)
    for target in $targets; do
        [ -e "$(dirname "$page")/$target" ] || fail "$page links to $target, which is not there"
    done
done

# The version of the header has an entry.
version=$(sed -n 's/^#define L1L2_VERSION_\(MAJOR\|MINOR\|PATCH\) //p' include/l1l2.h | paste -sd.)
grep -q "^## $version" CHANGELOG.md || fail "CHANGELOG.md has no entry for $version"
