#!/usr/bin/env bash
# Writes the figures of docs/testing.md from what the tools have measured:
#     scripts/figures.sh                          takes new results from build-figures, and writes the table
#     scripts/figures.sh --check                  only compares the table with the results
#     scripts/figures.sh add NAME RESULT [PATH...]    takes a result of a run by hand, which speaks of the files of these
#                                                 folders (by default, of the libraries), and writes the table
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
*) wrong_usage "unknown argument: $1" ;;
esac

# Of several results of one name the last one counts; rows keep their places.
if [ "${1-}" != --check ] && [ -e build-figures/figures.tsv ]; then
    merged=$(awk -F '\t' '!($1 in line) { order[++n] = $1 } { line[$1] = $0 }
        END { for (i = 1; i <= n; ++i) print line[order[i]] }' $results build-figures/figures.tsv)
    printf '%s\n' "$merged" >$results
    rm build-figures/figures.tsv
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
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
with_table "$work/table" >"$work/page"
if [ "${1-}" = --check ]; then
    diff $page "$work/page" || {
        echo "the table of $page is not that of $results: scripts/figures.sh writes it"
        exit 1
    }
else
    cp "$work/page" $page
fi
