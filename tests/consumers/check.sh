#!/usr/bin/env bash
# Builds and runs one kind of consumer against an installed prefix:
#     check.sh CASE SOURCE PREFIX WORK     (SOURCE the project's tree, WORK a folder of its own)
# Exits with 77, which means skipped, if the case needs libl1l2_threads and the prefix has none, or a libc
# whose dynamic linker knows versions of symbols.
set -euo pipefail
export LC_ALL=C
case=$1 source=$2 prefix=$3 work=$4
consumers=$source/tests/consumers
rm -rf "$work"
mkdir -p "$work"

# refuses COMMAND...: fails unless the command does. ("! command" would be ignored by set -e.)
refuses() {
    if "$@"; then
        echo "should have failed: $*" >&2
        exit 1
    fi
}

needs_library() { readelf -d "$1" | grep 'NEEDED.*libl1l2.so.0'; }

# build_find_package PREFIX TARGET
build_find_package() {
    cmake -S "$consumers/find_package" -B "$work/build" -DCMAKE_PREFIX_PATH="$1" -DCONSUMED="$2"
    cmake --build "$work/build"
    "$work/build/consumer"
}

# build_threads PREFIX TARGET
build_threads() {
    local build=$work/${2/::/_}
    cmake -S "$consumers/threads" -B "$build" -DCMAKE_PREFIX_PATH="$1" -DCONSUMED="$2"
    cmake --build "$build"
    "$build/consumer"
}

has_threads() { [ -e "$1/include/l1l2_threads.h" ]; }

needs_threads() {
    has_threads "$prefix" || {
        echo "libl1l2_threads is not built"
        exit 77
    }
}

# pkg_config PREFIX ARGUMENT...: asks the .pc file of $package under PREFIX, whatever libdir it is in.
# Prints words for a shell: a space in a path has a backslash before it.
package=l1l2
pkg_config() {
    local found elsewhere=
    found=$(find "$1" -name l1l2.pc -printf '%h')
    # The .pc file of oneTBB is among the system's.
    [ "$package" = l1l2 ] || elsewhere=:$(pkg-config --variable=pc_path pkg-config)
    PKG_CONFIG_PATH=$found PKG_CONFIG_LIBDIR=$found$elsewhere pkg-config "${@:2}" "$package"
}

# library_dir PREFIX
library_dir() { eval "echo $(pkg_config "$1" --variable=libdir)"; }

# compile PREFIX OUTPUT ARGUMENT... [-- PKG_CONFIG_ARGUMENT...]
compile() {
    local prefix=$1 output=$2 arguments=()
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        arguments+=("$1")
        shift
    done
    eval "local flags=($(pkg_config "$prefix" "${@:2}" --cflags --libs))"
    "${CC:-cc}" -o "$output" "${arguments[@]}" "${flags[@]}"
}

build_pkg_config() {
    compile "$1" "$work/consumer" "$consumers/main.c"
    LD_LIBRARY_PATH=$(library_dir "$1") "$work/consumer"
}

case $case in
find_package) build_find_package "$prefix" l1l2::l1l2 ;;
find_package_shared)
    build_find_package "$prefix" l1l2::l1l2_shared
    needs_library "$work/build/consumer"
    ;;
find_package_static)
    build_find_package "$prefix" l1l2::l1l2_static
    refuses needs_library "$work/build/consumer"
    ;;
pkg_config) build_pkg_config "$prefix" ;;
pkg_config_static)
    compile "$prefix" "$work/consumer" -static "$consumers/main.c" -- --static
    "$work/consumer"
    ;;
moved_prefix)
    cp -a "$prefix" "$work/moved"
    build_find_package "$work/moved" l1l2::l1l2
    build_pkg_config "$work/moved"
    # Neither build used a file of the former prefix.
    refuses grep -rn "$prefix" "$work/moved" --include='*.pc' --include='*.cmake'
    readelf -d "$work/build/consumer" >"$work/dynamic"
    grep -F "$work/moved/" "$work/dynamic"
    refuses grep -F "[$prefix/" "$work/dynamic"
    ;;
multiarch_libdir)
    cmake -S "$source" -B "$work/build" -DCMAKE_INSTALL_PREFIX="$work/prefix" \
        -DCMAKE_INSTALL_LIBDIR=lib/some-linux-gnu -DL1L2_BUILD_TESTS=OFF
    mkdir -p "$work/prefix/lib/some-linux-gnu/pkgconfig"
    cp "$work/build/l1l2.pc" "$work/prefix/lib/some-linux-gnu/pkgconfig"
    test "$(realpath "$(library_dir "$work/prefix")")" = "$(realpath "$work/prefix")/lib/some-linux-gnu"
    mkdir "$work/prefix/include"
    eval "includedir=$(pkg_config "$work/prefix" --variable=includedir)"
    test "$(realpath "$includedir")" = "$(realpath "$work/prefix")/include"
    ;;
system_prefix)
    # pkg-config leaves out the compiler's own folders, which would come before those of other packages.
    cmake -S "$source" -B "$work/build" -DCMAKE_INSTALL_PREFIX=/usr -DL1L2_BUILD_TESTS=OFF
    mkdir "$work/pkgconfig"
    cp "$work/build/l1l2.pc" "$work/pkgconfig"
    said=$(pkg_config "$work/pkgconfig" --cflags --libs)
    [ "${said% }" = -ll1l2 ]
    ;;
source_archive)
    # CPack takes no folder along in which something was built.
    mkdir -p "$work"/c++/build-again "$work"/c++/.git
    (cd "$source" && cp -r --parents CMakeLists.txt CHANGELOG.md LICENSE NOTICE capi cmake docs include pkgconfig src \
        threads tools "$work/c++")
    touch "$work"/c++/build-again/CMakeCache.txt "$work"/c++/.git/HEAD
    cmake -S "$work/c++" -B "$work/c++/build" -DL1L2_BUILD_TESTS=OFF
    (cd "$work/c++/build" && cpack -G TGZ --config CPackSourceConfig.cmake)
    tar -tf "$work"/c++/build/l1l2-*.tar.gz >"$work/files"
    grep '^[^/]*/include/l1l2.h$' "$work/files"
    refuses grep -E '/CMakeCache\.txt$|/\.git(/|$)|^[^/]*/build' "$work/files"
    ;;
components)
    # Distributions leave out static libraries.
    cp -a "$prefix" "$work/prefix"
    find "$work/prefix" -name 'libl1l2*.a' -delete
    build_find_package "$work/prefix" l1l2::l1l2_shared
    # finds COMPONENT PREFIX MESSAGE
    finds() {
        printf 'cmake_minimum_required(VERSION 3.18)\nproject(finds C)\nset(%s off)\n%s\n' "$1" \
            "find_package(l1l2 CONFIG REQUIRED COMPONENTS $1)" >"$work/CMakeLists.txt"
        rm -rf "$work/finds"
        cmake -S "$work" -B "$work/finds" -DCMAKE_PREFIX_PATH="$2" 2>"$work/error"
    }
    finds shared "$work/prefix"
    finds static "$prefix"
    refuses finds static "$work/prefix"
    tr -s ' \n' ' ' <"$work/error" | grep 'this l1l2 was installed without its static library'
    refuses finds statics "$prefix"
    tr -s ' \n' ' ' <"$work/error" | grep 'l1l2 has no component statics, but shared, static, threads and keras'
    ;;
static_in_shared)
    # A shared library that contains the static one exports none of its functions to other copies.
    echo '#include <l1l2.h>
        unsigned version(void) { return l1l2_version_number(); }' >"$work/contains.c"
    static=$(library_dir "$prefix")/libl1l2.a
    "${CC:-cc}" -shared -fPIC -I"$prefix/include" "$work/contains.c" "$static" -lstdc++ -lm -o "$work/contains.so"
    nm -D --defined-only "$work/contains.so" >"$work/symbols"
    grep ' T version$' "$work/symbols"
    refuses grep l1l2_ "$work/symbols"
    ;;
hpp_refusals)
    for option in -std=c++14 '-std=c++17 -fno-exceptions'; do
        # shellcheck disable=SC2086
        refuses "${CXX:-c++}" $option -fsyntax-only -I"$prefix/include" -x c++ "$prefix/include/l1l2.hpp" \
            2>"$work/error"
        grep 'l1l2.hpp needs C++17 and exceptions' "$work/error"
    done
    ;;
add_subdirectory_shared | add_subdirectory_static)
    shared=OFF
    [ "$case" = add_subdirectory_static ] || shared=ON
    cmake -S "$consumers/add_subdirectory" -B "$work/build" -DL1L2_SOURCE="$source" \
        -DBUILD_SHARED_LIBS=$shared
    cmake --build "$work/build" --parallel 2
    "$work/build/consumer"
    # -ffast-math of the parent must not make the library switch its host to flush-to-zero.
    library=$(find "$work/build/l1l2" -name 'libl1l2.so' -o -name 'libl1l2.a')
    nm "$library" >"$work/symbols"
    grep -q l1l2_penalty "$work/symbols"
    refuses grep set_fast_math "$work/symbols"
    ;;
static_only)
    cmake -S "$source" -B "$work/library" -DCMAKE_INSTALL_PREFIX="$work/prefix" \
        -DL1L2_BUILD_SHARED=OFF -DL1L2_BUILD_TESTS=OFF -DL1L2_BUILD_TOOLS=OFF
    cmake --build "$work/library" --parallel 2
    cmake --install "$work/library"
    build_find_package "$work/prefix" l1l2::l1l2
    build_pkg_config "$work/prefix"
    if has_threads "$work/prefix"; then
        build_threads "$work/prefix" l1l2::threads
        package=l1l2_threads
        compile "$work/prefix" "$work/threads" "$consumers/threads.c"
        "$work/threads"
    fi
    ;;
old_library)
    getconf GNU_LIBC_VERSION >/dev/null 2>&1 || {
        echo "another libc than glibc"
        exit 77
    }
    # A library with the symbols of 0.1: the first node of the version script.
    sed '/^}/q' "$source/capi/l1l2.map" >"$work/l1l2.map"
    sed -n 's/^ *\(l1l2_.*\);$/void \1(void);\nvoid \1(void) {}/p' "$work/l1l2.map" >"$work/old.c"
    "${CC:-cc}" -shared -fPIC -Wl,-soname,libl1l2.so.0 -Wl,--version-script="$work/l1l2.map" \
        -o "$work/libl1l2.so.0" "$work/old.c"
    for program in penalty step; do
        compile "$prefix" "$work/$program" -std=c99 "$source/examples/c/$program/$program.c"
        LD_LIBRARY_PATH=$work ldd "$work/$program" >"$work/$program.ldd" 2>&1 || true
    done
    # A program of 0.1 starts with it. A program of 0.2 does not, with an error that says why.
    grep -F "$work/libl1l2.so.0" "$work/penalty.ldd"
    refuses grep 'not found' "$work/penalty.ldd"
    refuses env LD_LIBRARY_PATH="$work" "$work/step" 2>"$work/error"
    grep "version \`L1L2_0.2' not found" "$work/error"
    ;;
different_types)
    cat >"$work/calls.cpp" <<'END'
#include <l1l2.hpp>
void call(const l1l2::Regularizer& regularizer, std::vector<float>& x, std::vector<ELEMENT>& y);
void call(const l1l2::Regularizer& regularizer, std::vector<float>& x, std::vector<ELEMENT>& y) {
    regularizer.add_gradient(x, y);
    regularizer.prox(x, 1.0, y);
    static_cast<void>(l1l2::make_term(regularizer, x, y));
}
END
    compile_with() { "${CXX:-c++}" -std=c++17 -fsyntax-only -I"$prefix/include" -DELEMENT="$1" "$work/calls.cpp"; }
    compile_with float
    refuses compile_with double 2>"$work/error"
    # Each call is a compile error that says why.
    [ "$(grep -cE 'error: .*x and gradient differ in their type' "$work/error")" -eq 2 ]
    [ "$(grep -cE 'error: .*x and out differ in their type' "$work/error")" -eq 1 ]
    ;;
threads_find_package)
    needs_threads
    for target in threads threads_shared threads_static; do
        build_threads "$prefix" l1l2::$target
        readelf -d "$work/l1l2_$target/consumer" >"$work/dynamic"
        if [ "$target" = threads_static ]; then
            refuses grep 'NEEDED.*libl1l2_threads' "$work/dynamic"
        else
            grep 'NEEDED.*libl1l2_threads.so.0' "$work/dynamic"
        fi
    done
    # Without the component oneTBB is not needed, even if it is installed.
    cmake -S "$consumers/find_package" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCONSUMED=l1l2::l1l2 -DCMAKE_DISABLE_FIND_PACKAGE_TBB=ON
    ;;
threads_pkg_config)
    needs_threads
    package=l1l2_threads
    cp -a "$prefix" "$work/moved"
    compile "$work/moved" "$work/consumer" "$consumers/threads.c"
    LD_LIBRARY_PATH=$(library_dir "$work/moved") "$work/consumer"
    # The static libraries, in a program that links what else they need.
    dir=$(library_dir "$work/moved")
    rm "$dir"/libl1l2*.so*
    compile "$work/moved" "$work/static_consumer" "$consumers/threads.c" -- --static
    "$work/static_consumer"
    ;;
threads_component_missing)
    cp -a "$prefix" "$work/prefix"
    find "$work/prefix" -iname '*l1l2*threads*' -delete
    refuses cmake -S "$consumers/threads" -B "$work/missing" -DCMAKE_PREFIX_PATH="$work/prefix" \
        -DCONSUMED=l1l2::threads 2>"$work/error"
    tr -s ' \n' ' ' <"$work/error" | grep 'this l1l2 was installed without its component threads'
    # Or the component is installed, but oneTBB is not.
    if has_threads "$prefix"; then
        refuses cmake -S "$consumers/threads" -B "$work/no_tbb" -DCMAKE_PREFIX_PATH="$prefix" \
            -DCONSUMED=l1l2::threads -DCMAKE_DISABLE_FIND_PACKAGE_TBB=ON 2>"$work/error"
        tr -s ' \n' ' ' <"$work/error" | grep 'the component threads needs oneTBB 2021'
    fi
    # Without the component the package is found.
    build_find_package "$work/prefix" l1l2::l1l2
    ;;
example_penalty)
    compile "$prefix" "$work/penalty" -Wall -Wextra -Wpedantic -Werror \
        "$source/examples/c/penalty/penalty.c"
    said=$(LD_LIBRARY_PATH=$(library_dir "$prefix") "$work/penalty")
    echo "$said"
    # 0.01 * 3.75 + 0.02 * 5.8125, as the README says.
    [[ $said == "penalty 0.15375, computed with "* ]]
    # The example at the top of l1l2.h.
    sed -n '/^ \*     #include <l1l2.h>$/,/^ \*     }$/s/^ \* *//p' "$source/include/l1l2.h" >"$work/manual.c"
    compile "$prefix" "$work/manual" -std=c99 -Wall -Wextra -Wpedantic -Werror "$work/manual.c"
    [ "$(LD_LIBRARY_PATH=$(library_dir "$prefix") "$work/manual")" = "penalty 0.15375" ]
    # The pages that it refers to are installed.
    for page in $(grep -ohE 'docs/[a-z]+\.md' "$prefix"/include/l1l2*.h* | sort -u); do
        [ -n "$(find "$prefix" -path "*/doc/*/${page#docs/}")" ]
    done
    # So is what the pages link to.
    while IFS=$'\t' read -r page target; do
        [ -e "${page%/*}/$target" ] || {
            echo "$page links to $target, which is not installed" >&2
            exit 1
        }
    done < <(find "$prefix" -path '*/doc/*.md' -exec grep -oE '\]\([^)#: ]+[)#]' {} + | sed 's/:\](/\t/; s/.$//')
    [ "$(find "$prefix" -path '*/doc/*.md' | wc -l)" -ge 5 ]
    ;;
example_step)
    compile "$prefix" "$work/step" -std=c99 -Wall -Wextra -Wpedantic -Werror \
        "$source/examples/c/step/step.c"
    LD_LIBRARY_PATH=$(library_dir "$prefix") "$work/step" | tee "$work/step.out"
    # 0.02 * (1.5^2 + 0.75^2) + 0.01 * 2.25; the only weight below 0.1 * 0.01 becomes 0.
    grep -q 'of which the gain 0.07875' "$work/step.out"
    grep -qE 'after a proximal step 0\.497\S* -1\.24\S* 0 1\.99\S*$' "$work/step.out"
    ;;
example_keras_terms)
    [ -e "$prefix/include/l1l2_keras.hpp" ] || {
        echo "l1l2_keras is not built"
        exit 77
    }
    cmake -S "$source/examples/cpp/keras_terms" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Wconversion -Werror"
    cmake --build "$work/build"
    "$work/build/keras_terms" "$source/tests/keras_models/keras3/dense.keras" | tee "$work/out"
    # A step down the gradient makes the loss smaller.
    sed -E 's/.*loss (.*), after a step (.*)/\1 \2/' "$work/out" | awk '{ exit !($2 > 0 && $2 < $1) }'
    "$prefix/bin/l1l2-keras" "$source/tests/keras_models/keras3/dense.keras" | grep '^total'
    refuses "$work/build/keras_terms" "$work/none" 2>"$work/error"
    grep 'none: cannot be opened' "$work/error"
    # Without the component.
    cp -a "$prefix" "$work/prefix"
    rm "$work"/prefix/lib*/cmake/l1l2/l1l2_keras.cmake
    refuses cmake -S "$source/examples/cpp/keras_terms" -B "$work/missing" -DCMAKE_PREFIX_PATH="$work/prefix" \
        2>"$work/error"
    tr -s ' \n' ' ' <"$work/error" | grep 'this l1l2 was installed without its component keras'
    ;;
example_train)
    compile "$prefix" "$work/train" -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror \
        "$source/examples/c/train/train.c" -lm
    LD_LIBRARY_PATH=$(library_dir "$prefix")
    export LD_LIBRARY_PATH
    train=$work/train
    data=$source/examples/data/diabetes
    "$train" "$data/diabetes.csv" "$data/elastic_net.csv" | tee "$work/out"
    # A heading, a line for each solution, the intercept, and a line that says that all agree.
    [ "$(wc -l <"$work/out")" -eq $(($(wc -l <"$data/elastic_net.csv") + 2)) ]
    tail -n 1 "$work/out" | grep -q '^All 26 solutions agree with .* and in every zero\.$'
    # Exact zeros, and only they, are shown as dots and counted.
    zeros='NR > 1 && NR <= 27 {
        n = 0
        for (i = first; i < first + 10; ++i) {
            n += $i == zero
            printf "%d", $i == zero
        }
        print "", counted ? $counted : n
    }'
    awk -F , -v first=4 -v zero=0 "$zeros" "$data/elastic_net.csv" >"$work/zeros.expected"
    awk -v first=3 -v zero=. -v counted=13 "$zeros" "$work/out" | diff "$work/zeros.expected" -
    grep -q '^1111111111 10$' "$work/zeros.expected"
    grep -q '^1101111101 8$' "$work/zeros.expected"
    # Without a reference it compares nothing.
    "$train" "$data/diabetes.csv" | tee "$work/alone"
    [ "$(wc -l <"$work/alone")" -eq 15 ]
    refuses grep rel.diff. "$work/alone"
    # refuses_to_train MESSAGE ARGUMENT...: fails unless it ends in an error that says MESSAGE.
    refuses_to_train() {
        refuses "$train" "${@:2}" 2>"$work/error"
        cat "$work/error"
        grep -qF "$1" "$work/error"
    }
    # A coefficient that differs from scikit-learn's, and a number that should be 0, however small.
    sed '5s/20\.271165/20.271166/' "$data/elastic_net.csv" >"$work/wrong.csv"
    refuses_to_train 'wrong.csv:5: s5 is 20.27116' "$data/diabetes.csv" "$work/wrong.csv"
    grep -q '^1 of 26 solutions differ' "$work/error"
    sed '3s/,0,0,/,0,1e-30,/' "$data/elastic_net.csv" >"$work/wrong.csv"
    refuses_to_train 'wrong.csv:3: sex is 1.0000000000000001e-30 there, 0 here' \
        "$data/diabetes.csv" "$work/wrong.csv"
    # An error in a file names its line.
    sed '17s/,[^,]*//' "$data/diabetes.csv" >"$work/short.csv"
    refuses_to_train 'short.csv:17: has fewer than 11 fields' "$work/short.csv"
    sed '17s/,/;/' "$data/diabetes.csv" >"$work/text.csv"
    refuses_to_train 'text.csv:17: age is not a finite number: "34;2"' "$work/text.csv"
    refuses_to_train 'none.csv: cannot be opened' "$work/none.csv"
    ;;
example_sparse)
    compile "$prefix" "$work/sparse" -O2 -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror \
        "$source/examples/c/sparse/sparse.c" -lm
    LD_LIBRARY_PATH=$(library_dir "$prefix")
    export LD_LIBRARY_PATH
    sparse=$work/sparse
    data=$source/examples/data/optdigits
    "$sparse" "$data/digits.txt" "$data/recording.csv" | tee "$work/out"
    tail -n 1 "$work/out" | grep -qx "All losses, accuracies and zeros are those of $data/recording\.csv\."
    # The table of docs/training.md.
    head -n -1 "$work/out" | sed 's/^/    /' >"$work/table"
    [ "$(wc -l <"$work/table")" -eq 9 ]
    [[ $(<"$source/docs/training.md") == *"$(<"$work/table")"* ]]
    # refuses_to_train MESSAGE ARGUMENT...: fails unless it ends in an error that says MESSAGE.
    refuses_to_train() {
        refuses "$sparse" "${@:2}" 2>"$work/error"
        cat "$work/error"
        grep -qF "$1" "$work/error"
    }
    # Another last digit of a loss, other places of zeros, a row that is missing.
    first=$(sed -n 2p "$data/recording.csv")
    for changed in 's/^\([^.]*\.[0-9]*\)[0-8],/\19,/' 's/.$/x/' 's/.*//'; do
        sed "2$changed" "$data/recording.csv" >"$work/wrong.csv"
        refuses cmp "$data/recording.csv" "$work/wrong.csv"
        refuses_to_train "\"$(sed -n 2p "$work/wrong.csv")\" there, \"$first\" here" \
            "$data/digits.txt" "$work/wrong.csv"
    done
    # Without a recording it compares nothing.
    head -n 60 "$data/digits.txt" >"$work/few.txt"
    "$sparse" "$work/few.txt" | tee "$work/alone"
    [ "$(wc -l <"$work/alone")" -eq 9 ]
    # An error in a file names its line.
    sed '17s/./h/' "$data/digits.txt" >"$work/wrong.txt"
    refuses_to_train 'wrong.txt:17: is not 64 pixels of 0 to g, a space and a digit' "$work/wrong.txt"
    head -n 2 "$data/digits.txt" >"$work/two.txt"
    refuses_to_train 'two.txt: has fewer than 3 images' "$work/two.txt"
    cat "$data/digits.txt" "$data/digits.txt" >"$work/many.txt"
    refuses_to_train 'many.txt:2001: is one image too many' "$work/many.txt"
    refuses_to_train 'none.txt: cannot be opened' "$work/none.txt"
    refuses_to_train 'none.csv: cannot be opened' "$data/digits.txt" "$work/none.csv"
    ;;
*)
    echo "no such case: $case" >&2
    exit 2
    ;;
esac
