#!/usr/bin/env bash
# Prints the path of a julia:
#     julia.sh DIR
#
# It is the one in PATH, if there is one. Else, on Debian, which has had none since its release 11, it
# is that one (Julia 1.5.3), unpacked into DIR with the libraries that this system does not have. Nothing
# is installed, root is not needed, and a second run fetches nothing. Exits with 77 and says why on
# stderr if there is none to be had.
set -euo pipefail
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

# An apt of our own: it knows the system's settings (a proxy, for instance), sources, keys and packages,
# but its lists and its cache are here, and the system's hooks are for the system's lists.
rm -rf apt unpacked
mkdir -p apt/sources apt/lists apt/archives
for file in /etc/apt/sources.list.d/*; do
    [ ! -f "$file" ] || ln -s "$file" apt/sources
done
# Whatever the system's own release has comes from there, except for libunwind: that of Debian 12 crashes
# when an exception is thrown through what this julia has compiled.
cat >apt/preferences <<END
Package: *
Pin: release n=$suite
Pin-Priority: 1

Package: libunwind8
Pin: release n=$suite
Pin-Priority: 1001
END
# The user _apt, as whom apt fetches for root, may not be allowed into this folder.
cat >apt/conf <<END
Dir::Etc::SourceParts "$folder/apt/sources";
Dir::Etc::Preferences "$folder/apt/preferences";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "$folder/apt/lists";
Dir::Cache "$folder/apt";
Acquire::Languages "none";
APT::Sandbox::User "root";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
own_apt() { LC_ALL=C apt-get --config-file "$folder/apt/conf" "$@" 2>>"$folder/apt/errors" </dev/null; }
# What apt complained of: of that suite, or else of anything.
complaint() { grep -m 1 "^[EW]:.*$suite" apt/errors || grep -m 1 '^[EW]:' apt/errors || true; }

# The system's source of Debian is repeated for that suite: the same mirror, the same keys. (A source
# that cannot be reached need not be that one.)
own_apt update >/dev/null || true
entry=$(own_apt indextargets --format '$(CODENAME) $(SOURCESENTRY)' \
    'Created-By: Packages' 'Origin: Debian' 'Component: main' | awk '$1 !~ /-/ && !n++ { sub(/^[^ ]* /, ""); print }')
[ -n "$entry" ] || skip "apt knows no mirror of Debian. $(complaint)"
file=${entry%:*} number=${entry##*:}
case $file in
*.sources) # the stanza of that number
    awk -v number="$number" -v suite=$suite '
        BEGIN { print "Types: deb\nSuites: " suite "\nComponents: main" }
        /^#/ { next }
        /^[ \t]*$/ { inside = 0; next }
        !inside { inside = 1; ++stanza }
        /^[^ \t]/ { dropped = tolower($1) ~ /^(types|suites|components):/ }
        stanza == number && !dropped
    ' "$file" >apt/sources/$suite.sources
    ;;
*) # the line of that number: deb [OPTIONS] ADDRESS SUITE COMPONENT...
    sed -nE "${number}s/^deb[ \t]+(\[[^]]*\][ \t]*)?([^ \t]+).*/deb \1\2 $suite main/p" "$file" \
        >apt/sources/$suite.list
    ;;
esac
own_apt update >/dev/null || true

own_apt install --simulate --no-install-recommends julia libunwind8 >apt/plan ||
    skip "apt finds none. $(complaint)"
sed -nE 's/^Inst ([^ ]+) (\[[^]]*\] )?\(([^ ]+) .*/\1=\3/p' apt/plan >apt/packages
mapfile -t packages <apt/packages
(cd apt/archives && own_apt download "${packages[@]}" >/dev/null) ||
    skip "apt cannot fetch it. $(complaint)"
for package in apt/archives/*.deb; do
    dpkg -x "$package" unpacked
done

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
unpacked/julia --startup-file=no -e 'try error() catch end' 2>apt/errors ||
    skip "Debian's does not run here. $(head -n 1 apt/errors)"
rm -r apt
mv unpacked/julia "$julia"
echo "$julia"
