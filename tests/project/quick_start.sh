#!/usr/bin/env bash
# Runs the README's quick start in a fresh root of Debian, as root and as an ordinary user with sudo:
#     quick_start.sh SOURCE WORK
#
# <!-- quick-start --> stands on the line before each block of the quick start, <!-- quick-start: FILE --> before
# the contents of a file. The blocks are run in order in one shell, in a copy of SOURCE. A text block directly
# after commands has the last lines that they print, but for the name of the instruction set. The root has the
# packages that the README installs, and sudo. Exits with 77 if it cannot be made.
set -euo pipefail
source=$(realpath "$1")
mkdir -p "$2"
work=$(realpath "$2")
. "$source/scripts/lib/packages.sh"
. "$source/scripts/lib/roots.sh"

# Prints the quick start as a script.
quick_start() {
    echo 'set -ex'
    awk '
        /^<!-- quick-start(: [^ ]+)? -->$/ { marked = 1; file = $3 == "-->" ? "" : $3; next }
        /^```/ && open { print (open == "sh" ? "} >printed" : "END_OF_BLOCK"); after = open; open = ""; next }
        /^```text$/ && after == "sh" { print "compare <<\"END_OF_BLOCK\""; open = "text" }
        /^```/ && marked { print (file ? "cat >" file " <<\"END_OF_BLOCK\"" : "{"); open = file ? "file" : "sh" }
        /^```/ { marked = 0; next }
        open { print }
        NF { after = "" }
    ' "$source/README.md"
}

quick_start >"$work/commands"
for part in 'cat >' '{' 'compare <<'; do
    grep -q "^$part" "$work/commands" || {
        echo "README.md has no quick start with a program, commands and their output" >&2
        exit 1
    }
done
packages=$(sed -nE 's/^(sudo )?apt(-get)? install (-y )?//p' "$work/commands")
[ -n "$packages" ] || {
    echo "the quick start in README.md does not install its packages with apt" >&2
    exit 1
}
root=$work/root
# shellcheck disable=SC2086 # a word for each package
make_root "$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo bookworm)" "$root" \
    $packages sudo

cat >"$work/compare" <<'END'
compare() {
    without_isa() { sed -E 's/\b(generic|sse2|avx2|avx512bw|neon64)\b/ISA/'; }
    without_isa >expected
    tail -n "$(wc -l <expected)" printed | without_isa | diff expected -
}
END
# run_as USER: runs the quick start in a copy of the project that the user owns, where nothing is installed yet.
run_as() {
    local user=$1
    as_root rm -rf "$root/l1l2"
    as_root mkdir "$root/l1l2"
    tar -C "$source" --exclude='./build*' --exclude=./.git -cf - . | as_root tar -C "$root/l1l2" -xf -
    cat "$work/compare" "$work/commands" | as_root tee "$root/l1l2/quick_start" >/dev/null
    in_root "$root" sh -ec '
        find /usr/local "(" -type f -o -type l ")" -delete
        ldconfig
        id reader >/dev/null 2>&1 || useradd --create-home reader
        echo "reader ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/reader
        chown -R "$0" /l1l2
        cd /l1l2
        exec runuser -u "$0" -- env HOME=/tmp bash quick_start' "$user" >"$work/log" 2>&1 || {
        tail -n 40 "$work/log"
        echo "the quick start fails as $user"
        exit 1
    }
    echo "The quick start works as $user"
}
run_as root
run_as reader
