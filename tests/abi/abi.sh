#!/usr/bin/env bash
# Compares the ABI with those of earlier versions, which are recorded in tests/abi:
#     abi.sh check LIBRARY HEADER     the same as the record of this version, and nothing that an
#                                     earlier one had is gone or otherwise; constants that came
#                                     later say "Since" when; no struct by value, no varargs
#     abi.sh record LIBRARY HEADER    writes the record of this version
# LIBRARY has debug information of its interface and is called libNAME.so... as HEADER is NAME.h. Each
# version has two records: NAME-VERSION.abi, the functions and their types, written by abidw of libabigail;
# NAME-VERSION.constants, the values of the header's constants. Exits with 77 without abidiff.
set -euo pipefail
command=$1 library=$2 header=$3
records=$(cd "$(dirname "$0")" && pwd)
include=$(dirname "$header")
name=$(basename "$header" .h)
version=$(sed -n 's/^#define L1L2_VERSION_\(MAJOR\|MINOR\) //p' "$include/l1l2.h" | paste -sd .)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v abidiff >/dev/null || {
    echo "no abidiff"
    exit 77
}

fail() {
    echo "$*" >&2
    exit 1
}

# The constants of the header, without its version.
constants() {
    # A constant in any other form would be missed.
    ! grep -nE '^ +L1L2_[A-Z0-9_]+ = |^#define L1L2_[A-Z0-9_]+ [^ ]' "$header" |
        grep -vE ' = [0-9]+,?( |$)| [0-9]+$|_API|_NOEXCEPT|L1L2_VERSION' >&2 ||
        fail "not a plain decimal number"
    sed -nE 's/^ +(L1L2_[A-Z0-9_]+) = ([0-9]+).*/\1 \2/p; s/^#define (L1L2_[A-Z0-9_]+) ([0-9]+)$/\1 \2/p' \
        "$header" | grep -v '^L1L2_VERSION_' | sort
}

# The constants, each with its comment on the same line.
described_constants() {
    awk '/\/\*\*/ { comment = "" }
        /^ +L1L2_[A-Z0-9_]+ = |^#define L1L2_/ {
            print ($1 == "#define" ? $2 : $1) comment " " $0
            comment = ""
            next
        }
        { comment = comment " " $0 }' "$header" | tr -s ' '
}

# What a foreign-function interface cannot call: varargs, structs by value.
hard_to_call() { grep -E '\.\.\.|\bl1l2_(term|regularizer|threads) *[a-z(),]' "$work/declarations"; }

case $command in
record)
    abidw --exported-interfaces-only --headers-dir "$include" --drop-private-types --no-corpus-path \
        --no-comp-dir-path --no-show-locs --no-elf-needed --out-file "$records/$name-$version.abi" "$library"
    # Without the path of the build.
    sed -i "s| path='[^']*/| path='|" "$records/$name-$version.abi"
    constants >"$records/$name-$version.constants"
    ;;
check)
    [ -e "$records/$name-$version.abi" ] ||
        fail "tests/abi has no record of version $version: docs/abi.md says how it is made"
    # Without comments.
    "${CC:-cc}" -E -P -I"$include" -xc "$header" | grep -v '^typedef struct' >"$work/declarations"
    grep -q "${name}_[a-z]*(" "$work/declarations" || fail "no declarations"
    ! hard_to_call || fail "a struct by value, or varargs"
    constants >"$work/constants"
    described_constants >"$work/described"
    older=
    while read -r record; do
        [ -z "$older" ] || comm -13 "$older" "$record" | while read -r constant _; do
            since=${record##*-}
            grep -qE "^$constant .*Since ${since%.constants}\." "$work/described" ||
                fail "$constant does not say since when it is there"
        done
        older=$record
    done < <(printf '%s\n' "$records/$name"-[0-9]*.constants | sort -V)
    for record in "$records/$name"-[0-9]*.abi; do
        options=(--harmless)
        # Later versions may add more.
        [ "$record" = "$records/$name-$version.abi" ] ||
            options+=(--no-added-syms --suppressions "$records/compatible.abignore")
        abidiff "${options[@]}" "$record" "$library" || fail "not the ABI of ${record##*/}"
        old=${record%.abi}.constants
        if [ "$record" = "$records/$name-$version.abi" ]; then
            diff "$old" "$work/constants" || fail "not the constants of ${old##*/}"
        else
            comm -23 "$old" "$work/constants" >"$work/gone"
            [ ! -s "$work/gone" ] || fail "not as in ${old##*/}: $(cat "$work/gone")"
        fi
        echo "${record##*/}: agrees"
    done
    ;;
*) fail "no such command: $command" ;;
esac
