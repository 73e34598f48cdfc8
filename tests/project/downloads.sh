#!/usr/bin/env bash
# Checks that what the scripts download and run is verified, or refused:
#     downloads.sh SOURCE WORK
#
# No root is made without Debian's keys and the program that checks signatures, and debootstrap is told to insist on
# them. No script switches a check off. pip is given hashes; apt verifies signatures, and cargo, go and npm the hashes of
# their lock files.
set -euo pipefail
cd "$1"
work=$2
rm -rf "$work"
mkdir -p "$work/bin"
. scripts/lib/packages.sh
. scripts/lib/roots.sh
fail() {
    echo "$*" >&2
    exit 1
}

# A debootstrap that writes down how it was called, and fails.
printf '#!/bin/sh\necho "$@" >"%s/called"\nexit 1\n' "$work" >"$work/bin/debootstrap"
printf '#!/bin/sh\n' >"$work/bin/gpgv"
chmod +x "$work/bin/debootstrap" "$work/bin/gpgv"
as_root() { "$@"; }
debian_mirror() { echo http://mirror.invalid; }
# attempt PATH KEYRING: what make_root says.
attempt() {
    rm -f "$work/called"
    (PATH=$1 debian_keyring=$2 && make_root stable "$work/root" make) && fail "there is a root"
    [ $? -eq 77 ] || fail "make_root has another status than 77"
}
tools=$work/bin:$PATH
said=$(attempt "$tools" "$work/none")
[[ $said == *debian-archive-keyring* ]] || fail "without keys: $said"
[ ! -e "$work/called" ] || fail "debootstrap runs without keys"
rm "$work/bin/gpgv"
mkdir "$work/tools"
for tool in awk bash cat id mkdir mktemp rm ln tail; do
    ln -s "$(command -v $tool)" "$work/tools/"
done
touch "$work/keys"
said=$(attempt "$work/bin:$work/tools" "$work/keys")
[[ $said == *gpgv* ]] || fail "without gpgv: $said"
[ ! -e "$work/called" ] || fail "debootstrap runs without gpgv"
printf '#!/bin/sh\n' >"$work/bin/gpgv"
chmod +x "$work/bin/gpgv"
said=$(attempt "$tools" "$work/keys")
grep -q -- "--force-check-gpg --keyring=$work/keys " "$work/called" || fail "debootstrap need not verify: $said"

scripts=$(find scripts .ci bindings examples tests bench -name node_modules -prune -o -type f \
    \( -name '*.sh' -o -name run -o -name '*.py' -o -name '*.js' \) ! -path tests/project/downloads.sh -print)
switches='no-check-gpg|allow-unauthenticated|trusted=yes|--trusted-host|--no-check-certificate|--insecure'
switches+='|strict-ssl|GONOSUM|GOFLAGS=-insecure|GONOSUMDB|GOINSECURE|AllowInsecureRepositories "true"|--force-yes'
! xargs -d '\n' grep -nE -- "$switches" <<<"$scripts" || fail "a check of downloads is off"
unverified=$(grep -E '(\.sh|/run)$' <<<"$scripts" | xargs -d '\n' grep -nE 'pip"? (install|download)' |
    grep -vE 'require-hashes|no-index' || true)
[ -z "$unverified" ] || fail "pip has no hashes: $unverified"
# What is run as it comes from the network has no check at all.
! xargs -d '\n' grep -nE '\b(curl|wget)\b' <<<"$scripts" || fail "a download without a check"
