# Roots of a Debian release, in which another system than this one builds or is tried. Sourced after
# packages.sh.
#
#     make_root SUITE DIR PACKAGE...   DIR/SUITE is a root with these packages; made once
#     in_root ROOT COMMAND...          runs there, on the root's own files, as root

# The mirror that this system has its own packages from, if it is a Debian. (Without one, debootstrap
# takes its own.)
debian_mirror() {
    command -v apt-get >/dev/null || return 0
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }'
}

make_root() {
    local suite=$1 root=$2/$1 made=$2/$1.packages include mirror alias
    include=$(IFS=, && echo "${*:3}")
    [ "$(cat "$made" 2>/dev/null)" != "$include" ] || return 0
    command -v debootstrap >/dev/null || {
        echo "no debootstrap"
        exit 77
    }
    as_root true || {
        echo "no root of Debian's $suite: only the superuser can make one"
        exit 77
    }
    mkdir -p "$2"
    as_root rm -rf "$root"
    mkdir "$root"
    mirror=$(debian_mirror)
    # debootstrap cannot do with a space in its path.
    alias=$(mktemp -d)
    ln -s "$root" "$alias/root"
    echo "Making a root of Debian's $suite"
    as_root debootstrap --variant=minbase --include="$include" "$suite" "$alias/root" \
        ${mirror:+"$mirror"} </dev/null >"$root.log" 2>&1 || {
        rm -r "$alias"
        tail -n 3 "$root.log"
        echo "no root of Debian's $suite: debootstrap failed"
        exit 77
    }
    rm -r "$alias"
    echo "$include" >"$made"
}

in_root() {
    as_root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C.UTF-8 chroot "$@" </dev/null
}
