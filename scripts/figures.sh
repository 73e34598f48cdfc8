#!/usr/bin/env bash
# Writes the figures of docs/testing.md from what the tools have measured:
#     scripts/figures.sh                          takes new results from build-figures, and writes the table
#     scripts/figures.sh --check                  only compares the table with the results
#     scripts/figures.sh add NAME RESULT [PATH...]    takes a result of a run by hand, which speaks of the files of these
#                                                 folders (by default, of the libraries), and writes the table
#     scripts/figures.sh same COMMIT              keeps the results of a commit whose libraries are byte for byte those of
#                                                 this tree, though a name or a comment is another, and writes the table
#
# tests/project/figures.tsv has a line for each row: its name, the day and the commit of the run, the CPU, the folders it
# speaks of, a hash of their files at that time, the result. The table marks a row if these files are others now.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
. scripts/lib/figures.sh
results=tests/project/figures.tsv page=docs/testing.md
case ${1-} in
'' | --check) [ $# -le 1 ] || wrong_usage "unknown argument: $2" ;;
add)
    [ $# -ge 3 ] || wrong_usage "add takes a name and a result"
    figure "${@:2}"
    ;;
same) [ $# -eq 2 ] || wrong_usage "same takes a commit" ;;
*) wrong_usage "unknown argument: $1" ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Of several results of one name the last one counts; rows keep their places.
if [ "${1-}" != --check ] && [ -e build-figures/figures.tsv ]; then
    merged=$(awk -F '\t' '!($1 in line) { order[++n] = $1 } { line[$1] = $0 }
        END { for (i = 1; i <= n; ++i) print line[order[i]] }' $results build-figures/figures.tsv)
    printf '%s\n' "$merged" >$results
    rm build-figures/figures.tsv
fi

# Prints a hash of both libraries, built from a source folder, without what names their build.
libraries_of() {
    local build=$work/build-$2
    {
        cmake -S "$1" -B "$build" -DCMAKE_BUILD_TYPE=Release -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_TOOLS=OFF
        cmake --build "$build" --parallel "$(nproc)" --target l1l2_shared l1l2_threads_shared
    } >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        return 1
    }
    for library in capi/libl1l2.so threads/libl1l2_threads.so; do
        objcopy --strip-all --remove-section .note.gnu.build-id "$build/$library" "$work/library"
        sha256sum <"$work/library"
    done
}

# Writes the headers of a source folder, without their comments, to a file.
without_comments() {
    local header
    for header in "$1"/include/*; do
        echo "${header##*/}"
        g++ -w -fpreprocessed -dD -E -P -x c++ "$header" || return
    done >"$2"
}
if [ "${1-}" = same ]; then
    mkdir "$work/then"
    git archive "$2" | tar -x -C "$work/then"
    without_comments "$work/then" "$work/headers-then"
    without_comments "$PWD" "$work/headers-now"
    diff "$work/headers-then" "$work/headers-now" # their templates are in no library
    then=$(libraries_of "$work/then" then)
    [ "$then" = "$(libraries_of "$PWD" now)" ] || {
        echo "the libraries of $2 are others"
        exit 1
    }
    compared='src|capi|include|threads'
    ! diff -r "$work/then/tools/keras" tools/keras || compared+='|tools/keras'
    while IFS=$'\t' read -r name day commit cpu paths code result; do
        read -ra folders <<<"$paths"
        if [[ "$paths" =~ ^(($compared)(/[^ ]*)?( |$))+$ ]] && [ "$(cd "$work/then" && code_of "${folders[@]}")" = "$code" ]; then
            code=$(code_of "${folders[@]}")
        fi
        printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$day" "$commit" "$cpu" "$paths" "$code" "$result"
    done <$results >"$work/results"
    cp "$work/results" $results
fi

# Prints the page with the table of the results, from its header to the next empty line.
with_table() {
    printf '| tool | result | run |\n|---|---|---|\n' >"$1"
    while IFS=$'\t' read -r name day commit cpu paths code result; do
        read -ra folders <<<"$paths"
        [ "$(code_of "${folders[@]}")" = "$code" ] || commit+=", older code"
        echo "| $name | $result | $day, $commit, $cpu |"
    done <$results >>"$1"
    awk -v table="$1" '/^\| tool \| result \|/ { while ((getline line <table) > 0) print line; inside = 1 }
        /^$/ { inside = 0 }
        !inside' $page
}
with_table "$work/table" >"$work/page"
if [ "${1-}" = --check ]; then
    diff $page "$work/page" || {
        echo "the table of $page is not that of $results: scripts/figures.sh writes it"
        exit 1
    }
else
    cp "$work/page" $page
fi
