# Packages of this system, for the scripts that source this file.
#
#     ensure_packages PACKAGE...    installs those that are missing; names are Debian's
#     offer_packages PACKAGE...     the same, but continues without those that cannot be installed
#     header_files PACKAGE...       prints the headers and CMake files of installed packages
#     copy_headers FOLDER           copies those of xsimd and nlohmann_json, away from this system's other headers, and
#                                   sets the array dependencies to the options by which CMake finds them
#     unpack_foreign ARCHITECTURE PACKAGE FOLDER
#                                   unpacks a package for another processor, which is not installed; fails if it cannot
#     as_root COMMAND...            runs a command as root, through sudo if need be
#
# Without apt, or if it fails, ensure_packages prints the commands that install what is needed.

print_install_commands() {
    cat >&2 <<'END'
Please install a C++17 compiler, make, CMake 3.18 or later, pkg-config, xsimd 8.1 or later,
nlohmann_json and, for the tests, Catch2. The last packages of each line are optional:
libl1l2_threads needs oneTBB 2021 or later, l1l2-keras HDF5 and libzip.
    Debian 12, Ubuntu 24.04 or later
                     apt-get install g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev catch2 \
                         libtbb-dev libhdf5-dev libzip-dev
    Fedora           dnf install gcc-c++ make cmake pkgconf xsimd-devel json-devel catch-devel tbb-devel \
                         hdf5-devel libzip-devel
    Arch Linux       pacman -S gcc make cmake pkgconf xsimd nlohmann-json catch2 onetbb hdf5 libzip
END
}

# Prints those of its arguments that are not installed.
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
        # The tests set SUDO to "sudo -n": nobody can type a password there.
        ${SUDO:-sudo} "$@"
    fi
}

# Runs apt-get and prints its output only if it fails. Waits up to ten minutes for another program that
# holds a lock of apt or dpkg. (DPkg::Lock::Timeout would not wait for the lock of the package lists.)
apt_get() {
    local output attempt
    for attempt in {0..120}; do
        if output=$(as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -y "$@" 2>&1 </dev/null); then
            return
        fi
        grep -q 'Could not get lock' <<<"$output" || break
        [ "$attempt" -gt 0 ] || echo "Waiting for another program that holds the lock of apt or dpkg" >&2
        sleep 5
    done
    echo "$output" >&2
    return 1
}

apt_install() {
    apt_get install --no-install-recommends "$@"
}

ensure_packages() {
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        echo "This system has no apt, so nothing is installed." >&2
        print_install_commands
        return
    fi
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "Installing: ${missing[*]}"
    # The lists of packages are fetched only if they are missing or too old.
    apt_install "${missing[@]}" 2>/dev/null && return
    apt_get update || true
    apt_install "${missing[@]}" || {
        echo "Could not install: ${missing[*]}" >&2
        print_install_commands
        exit 1
    }
}

offer_packages() {
    local package missing known=()
    command -v dpkg-query >/dev/null || return 0
    command -v apt-get >/dev/null || return 0
    mapfile -t missing < <(missing_packages "$@")
    if [ ${#missing[@]} -gt 0 ] && ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
        apt_get update 2>/dev/null || true # without lists, apt knows no package
    fi
    # Do not ask for a password for a package that apt does not know.
    for package in "${missing[@]}"; do
        if apt-cache show "$package" >/dev/null 2>&1; then
            known+=("$package")
        else
            echo "Continuing without $package, which cannot be installed here."
        fi
    done
    if [ ${#known[@]} -gt 0 ] && ! apt_install "${known[@]}" 2>/dev/null; then
        for package in $(missing_packages "${known[@]}"); do
            apt_install "$package" 2>/dev/null ||
                echo "Continuing without $package, which cannot be installed here."
        done
    fi
}

header_files() {
    dpkg -L "$@" | grep -E '/(include|cmake)/.*\.[a-z]+$'
}

copy_headers() {
    mkdir -p "$1"
    header_files libxsimd-dev nlohmann-json3-dev | xargs cp --parents -t "$1"
    # shellcheck disable=SC2034 # for the script that sources this file
    dependencies=(-Dxsimd_DIR="$(dirname "$(find "$1" -name xsimdConfig.cmake)")"
        -Dnlohmann_json_DIR="$(dirname "$(find "$1" -name nlohmann_jsonConfig.cmake)")")
}

unpack_foreign() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return
    local apt=$3/apt options
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    # Lists of its own: this system's know its own processor alone.
    options=(-o "APT::Architecture=$1" -o "APT::Architectures=$1" -o "Dir::State=$apt" -o "Dir::Cache=$apt"
        -o Dir::State::status=/dev/null -o "APT::Sandbox::User=$(id -un)")
    (cd "$apt" && apt-get -q "${options[@]}" update && apt-get -q "${options[@]}" download "$2") >"$apt/log" 2>&1 &&
        dpkg-deb --extract "$apt"/*.deb "$3"
}
