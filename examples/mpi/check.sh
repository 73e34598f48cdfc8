#!/usr/bin/env bash
# Builds penalty_of_shards in the current directory and runs it on 1 to 8 ranks of this machine. Exits
# with 77, which means skipped, without Open MPI.
#
# The environment has L1L2_LIBRARY, the path of the installed libl1l2.so.0, and PKG_CONFIG_PATH and
# LD_LIBRARY_PATH with its folders.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
data=$source/../data/digits
for tool in cmake mpicxx mpirun pkg-config; do
    command -v "$tool" >/dev/null || {
        echo "no Open MPI: no $tool"
        exit 77
    }
done
[[ $(mpirun --version) == *"Open MPI"* ]] || {
    echo "no Open MPI: another MPI"
    exit 77
}

fail() {
    echo "$*" >&2
    exit 1
}

cmake -S "$source" -B build -DCMAKE_BUILD_TYPE=Release -Dl1l2_DIR="${L1L2_LIBRARY%/*}/cmake/l1l2" \
    -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror" >build.log 2>&1 &&
    cmake --build build >>build.log 2>&1 || fail "$(cat build.log)"

# This machine alone and no network: shared memory between the ranks, the loopback device for mpirun.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=^tcp,openib,usnic,uct,ofi OMPI_MCA_oob_tcp_if_include=lo
# Containers do not let a process read another one's memory.
export OMPI_MCA_btl_vader_single_copy_mechanism=none
# What mpirun leaves when it is ended by a timeout goes, too.
TMPDIR=$(mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
# ranks N ARGUMENT...
ranks() { timeout 60 mpirun --oversubscribe --bind-to none -n "$1" build/penalty_of_shards "${@:2}" </dev/null; }

# What one call gives for all weights in one array.
cat >one_array.cpp <<'END'
#include "npy.hpp"
#include <l1l2.hpp>
#include <cstdio>
int main(int argc, char** argv) {
    std::vector<float> weights;
    for (int i = 1; i < argc; ++i) {
        const npy::Array array = npy::read(argv[i]);
        weights.insert(weights.end(), array.data<float>(), array.data<float>() + array.count());
    }
    l1l2::ExactSums sums;
    sums.add(weights);
    const double penalty = l1l2::Regularizer(0.0001, 0.001)(sums);
    std::uint64_t bits = 0;
    std::memcpy(&bits, &penalty, sizeof bits);
    std::printf("exact, %zu elements %.17g %016llx\n", weights.size(), penalty,
                static_cast<unsigned long long>(bits));
}
END
eval "flags=($(pkg-config --cflags --libs l1l2))"
"${CXX:-c++}" -std=c++17 -I"$source" one_array.cpp "${flags[@]}" -o one_array
./one_array "$data"/weights/*.npy | tee one_array.out
exact=$(<one_array.out)

for n in 1 2 3 5 8; do
    echo "$n ranks:"
    ranks "$n" 0.0001 0.001 "$data"/weights/*.npy | tee "$n.out"
    # A line for each rank, their sum, and the same number as ever.
    [ "$(grep -c '^rank ' "$n.out")" -eq "$n" ] || fail "not $n ranks"
    [ "$(tail -n 1 "$n.out" | tr -s ' ')" = "$exact" ] || fail "other bits on $n ranks"
done
grep -q '^rank 2, 0 elements ' 3.out || fail "every rank has elements"
# Without exact sums the number of ranks shows.
[ "$(grep -h '^sum of ' [0-9].out | sort -u | wc -l)" -gt 1 ] || fail "rounded sums are all the same"

# refused MESSAGE ARGUMENT...: fails unless the program does and says so.
refused() {
    if ranks 2 "${@:2}" >refused.out 2>&1; then
        fail "should have failed: ${*:2}"
    fi
    grep -qF "$1" refused.out || fail "$(cat refused.out)"
}
head -c 200 "$data/weights/conv.kernel.npy" >short.npy
refused 'short.npy: has not as many bytes' 0.0001 0.001 short.npy
refused 'none.npy: cannot be opened' 0.0001 0.001 none.npy
refused '"0,1" is no coefficient' 0,1 0.001 "$data/weights/conv.bias.npy"
refused 'is not a finite number' -1 0.001 "$data/weights/conv.bias.npy"
refused 'usage: ' 0.0001 0.001
