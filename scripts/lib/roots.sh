# Roots of Debian releases, in which something is built or tried. Sourced after packages.sh.
#
#     make_root SUITE ROOT PACKAGE...     installs a release with these packages into the folder ROOT, unless
#                                         that has been done; exits with 77 if it cannot be done here
#     in_root ROOT COMMAND...             runs a command in it, as root

# The keys by which debootstrap checks what it downloads. Without them it would check nothing.
debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints the mirror that this system takes its own packages from, if it is a Debian. (debootstrap has a
# default.)
debian_mirror() {
    command -v apt-get >/dev/null || return 0
    apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }'
}

make_root() {
    local suite=$1 root=$2 packages mirror link reason
    packages=$(IFS=, && echo "${*:3}")
    [ "$(cat "$root.packages" 2>/dev/null)" != "$suite $packages" ] || return 0
    if ! command -v debootstrap >/dev/null; then
        reason='debootstrap is not installed'
    elif [ ! -e "$debian_keyring" ] || ! command -v gpgv >/dev/null; then
        reason="downloads cannot be verified without the packages debian-archive-keyring and gpgv"
    elif ! as_root true; then
        reason='only root can make one'
    else
        echo "Making a root of Debian's $suite"
        as_root rm -rf "$root"
        mkdir -p "$root"
        mirror=$(debian_mirror)
        link=$(mktemp -d)
        ln -s "$root" "$link/root" # debootstrap takes no path with a space
        as_root debootstrap --force-check-gpg --keyring="$debian_keyring" --variant=minbase \
            --include="$packages" "$suite" "$link/root" ${mirror:+"$mirror"} </dev/null >"$root.log" 2>&1 ||
            reason="debootstrap failed: $(tail -n 1 "$root.log")"
        rm -r "$link"
    fi
    if [ -n "${reason-}" ]; then
        echo "no root of Debian's $suite: $reason"
        exit 77
    fi
    echo "$suite $packages" >"$root.packages"
}

in_root() {
    as_root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ LC_ALL=C.UTF-8 chroot "$@" </dev/null
}
