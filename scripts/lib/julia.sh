#!/usr/bin/env bash
# Prints the path of a julia, and unpacks one into DIR if there is none in PATH:
#     julia.sh DIR
#
# Debian has had no Julia since its release 11. On a Debian without one, Julia 1.5.3 of that release is unpacked
# into DIR, with the libraries that this system does not have. Nothing is installed, root is not needed, and a
# second run fetches nothing. Exits with 77 and prints the reason on stderr if that fails.
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
    command -v $tool >/dev/null || skip "it is not in PATH, and there is no $tool to fetch Debian's"
done

# Its dependencies come from the system's own release where that has them. libunwind does not: that of Debian
# 12 crashes when an exception passes through code that this julia has compiled.
rm -rf unpacked
reason=$(fetch_packages $suite unpacked julia libunwind8 2>&1) || skip "$reason"

# Julia finds libraries through links to /usr/lib/... Some of them are in /lib, or belong to this system.
find -L unpacked -type l | while read -r link; do
    path=$(realpath -m "$link")
    path=${path#"$folder/unpacked"}
    moved=$folder/unpacked${path#/usr}
    if [ -e "$moved" ]; then path=$moved; fi
    ln -sf "$path" "$link"
done
# Some packages have library folders of their own, which their installation scripts would link.
libraries=$(find "$folder/unpacked" -name '*.so.*' -printf '%h\n' | sort -u | paste -s -d :)
cat >unpacked/julia <<END
#!/bin/sh
export LD_LIBRARY_PATH='$libraries'"\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
exec '$folder/unpacked/usr/bin/julia' "\$@"
END
chmod +x unpacked/julia
unpacked/julia --startup-file=no -e 'try error() catch end' 2>unpacked/errors ||
    skip "Debian's does not run here: $(head -n 1 unpacked/errors)"
mv unpacked/julia "$julia"
echo "$julia"
