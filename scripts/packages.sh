# What the other scripts need of the system, sourced by them.
#
#     ensure_packages PACKAGE...      Debian's names; installs what is missing of them
#     offer_packages PACKAGE...       the same, but goes on without what cannot be had
#     header_files PACKAGE...         the headers and CMake files of installed packages
#
# With apt (Debian, Ubuntu) missing packages are installed, through sudo if need be. On another
# system, or if that fails, the command to type is printed.

say_how_elsewhere() {
    cat >&2 <<'END'
Please install a C++17 compiler, make, CMake 3.18 or later, pkg-config, xsimd 8.1 or later,
nlohmann_json and, for the tests, Catch2. With oneTBB 2021 or later (optional; the last package in
each line) libl1l2_threads is built as well:
    Debian 12, Ubuntu 24.04 or later
                     apt-get install g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev catch2 \
                         libtbb-dev
    Fedora           dnf install gcc-c++ make cmake pkgconf xsimd-devel json-devel catch-devel tbb-devel
    Arch Linux       pacman -S gcc make cmake pkgconf xsimd nlohmann-json catch2 onetbb
END
}

# Of its arguments, those that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null |
            grep -qx installed || echo "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        # Tests say "sudo -n": nobody is there to type a password.
        ${SUDO:-sudo} "$@"
    fi
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null
}

ensure_packages() {
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        echo "This system has no apt, so its packages are taken as they are." >&2
        say_how_elsewhere
        return
    fi
    local missing
    mapfile -t missing < <(missing_packages "$@")
    if [ ${#missing[@]} -gt 0 ]; then
        echo "Installing: ${missing[*]}"
        # A list of packages that is not there yet, or too old, is fetched; an up-to-date one need not be.
        if ! apt_install "${missing[@]}" >/dev/null 2>&1; then
            as_root apt-get update || true
            if ! apt_install "${missing[@]}"; then
                echo "Could not install: ${missing[*]}" >&2
                say_how_elsewhere
                exit 1
            fi
        fi
    fi
}

offer_packages() {
    local package missing
    command -v dpkg-query >/dev/null || return 0
    command -v apt-get >/dev/null || return 0
    mapfile -t missing < <(missing_packages "$@")
    if [ ${#missing[@]} -gt 0 ] && ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
        as_root apt-get update >/dev/null 2>&1 || true # a list that is not there knows no package
    fi
    for package in "${missing[@]}"; do
        # Only what apt knows is worth asking for, and perhaps a password.
        if ! apt-cache show "$package" >/dev/null 2>&1 || ! apt_install "$package" >/dev/null 2>&1; then
            echo "Goes without $package, which cannot be installed here."
        fi
    done
}

header_files() {
    dpkg -L "$@" | grep -E '/(include|cmake)/.*\.[a-z]+$'
}
