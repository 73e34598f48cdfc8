#!/usr/bin/env bash
# Prints the path of a julia:
#     julia.sh DIR
#
# It is the one in PATH, if there is one. Else, on Debian, which has had none since its release 11, it
# is that one (Julia 1.5.3), unpacked into DIR with the libraries that this system does not have. Nothing
# is installed, root is not needed, and a second run fetches nothing. Exits with 77 and says why on
# stderr if there is none to be had.
set -euo pipefail
. "$(dirname "$0")/suites.sh"
suite=bullseye

skip() {
    echo "no julia: $*" >&2
    exit 77
}

command -v julia && exit
mkdir -p "$1"
cd "$1"
folder=$(pwd -P)
julia=$folder/julia
if [ -x "$julia" ]; then
    echo "$julia"
    exit
fi
for tool in apt-get dpkg; do
    command -v $tool >/dev/null || skip "not in PATH, and no $tool that could fetch Debian's"
done

# Whatever else it needs comes from the system's own release where that has it, except for libunwind:
# that of Debian 12 crashes when an exception is thrown through what this julia has compiled.
rm -rf unpacked
reason=$(fetch_packages $suite unpacked julia libunwind8 2>&1) || skip "$reason"

# Julia finds libraries through links of its own to the usual folder. Those that the system has, or
# that are in /lib, are not there.
find -L unpacked -type l | while read -r link; do
    path=$(realpath -m "$link")
    path=${path#"$folder/unpacked"}
    moved=$folder/unpacked${path#/usr}
    if [ -e "$moved" ]; then path=$moved; fi
    ln -sf "$path" "$link"
done
# Some packages have folders of their own for libraries, which a script of theirs would link.
libraries=$(find "$folder/unpacked" -name '*.so.*' -printf '%h\n' | sort -u | paste -s -d :)
cat >unpacked/julia <<END
#!/bin/sh
export LD_LIBRARY_PATH='$libraries'"\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
exec '$folder/unpacked/usr/bin/julia' "\$@"
END
chmod +x unpacked/julia
unpacked/julia --startup-file=no -e 'try error() catch end' 2>unpacked/errors ||
    skip "Debian's does not run here. $(head -n 1 unpacked/errors)"
mv unpacked/julia "$julia"
echo "$julia"
