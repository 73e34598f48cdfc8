# Builds with a compiler of one's choice, for the scripts that source this file.
#
#     find_clang PROGRAM FLAG...             prints the first clang++ that links this C++ program with these
#                                            flags, or nothing
#     configure BUILD COMPILER ARGUMENT...   configures a build folder for a C++ compiler and the C compiler
#                                            of the same version

find_clang() {
    local clang probe
    probe=$(mktemp)
    for clang in clang++ clang++-14 clang++-19; do
        if "$clang" -x c++ "${@:2}" - -o "$probe" <<<"$1" 2>/dev/null; then
            echo "$clang"
            break
        fi
    done
    rm -f "$probe"
}

# If the folder was configured for another compiler, CMake would start again but forget the arguments.
configure() {
    local build=$1 compiler=$2
    mkdir -p "$build"
    if [ "$(cat "$build/compiler" 2>/dev/null)" != "$compiler" ]; then
        rm -rf "$build/CMakeCache.txt" "$build/CMakeFiles"
    fi
    cmake -S . -B "$build" -DCMAKE_CXX_COMPILER="$compiler" \
        -DCMAKE_C_COMPILER="$(sed 's/clang++/clang/; s/^g++/gcc/' <<<"$compiler")" "${@:3}" >"$build/cmake.log" 2>&1 || {
        cat "$build/cmake.log"
        return 1
    }
    echo "$compiler" >"$build/compiler"
}
