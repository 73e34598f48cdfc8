# Figures of docs/testing.md, for the tools that measure them.
#
#     figure NAME RESULT [PATH...]    keeps a result of this tree in build-figures/figures.tsv, for scripts/figures.sh.
#                                     It speaks of the files of these folders; by default, of the libraries
#     code_of PATH...                 prints a hash of their sources: not of the commit, which a tarball does not have

code_of() {
    find "$@" -regextype posix-extended -type f -regex '.*(\.([ch](pp)?|map|flags|go|jl|m?js|py|rs)|/CMakeLists\.txt)' \
        -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c -12
}

# Tools that run at once append one line each, which is written as a whole.
figure() {
    local paths=("${@:3}") commit cpu
    [ ${#paths[@]} -gt 0 ] || paths=(src capi include threads)
    commit=$(git describe --always --dirty=+ --exclude='*' 2>/dev/null) || commit=unknown
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
    mkdir -p build-figures
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$(date -u +%F)" "$commit" "${cpu:-$(uname -m)}" "${paths[*]}" \
        "$(code_of "${paths[@]}")" "$2" >>build-figures/figures.tsv
}
