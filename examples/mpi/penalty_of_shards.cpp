// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The penalty of weights that are spread over the ranks of an MPI program.
 *
 *     mpirun -n 4 penalty_of_shards L1 L2 WEIGHTS.npy...
 *
 * The arrays, one after another, are cut into a shard for each rank. Shards differ in size: ranks
 * have one part, two parts or nothing, in turns. Each rank adds its shard to an accumulator of
 * exact sums, and MPI adds the accumulators as it adds any integers. Every rank then has the
 * penalty of the whole, the true value rounded once, which has the same bits for any number of
 * ranks.
 *
 * For comparison the program also adds the ranks' own penalties. The last digits of that sum depend
 * on how the weights were cut.
 */
#include "npy.hpp"

#include <l1l2.hpp>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct World {
    int rank = 0;
    int size = 0;
};

/// A penalty, and of how many elements.
struct Part {
    double penalty = 0.0;
    std::int64_t count = 0;
};

/// Where the shard of a rank begins, in a row of n elements; that of `world.size` is their end.
std::size_t shard_begin(int rank, const World& world, std::size_t n) {
    std::size_t before = 0;
    std::size_t all = 0;
    for (int i = 0; i < world.size; ++i) {
        const auto share = static_cast<std::size_t>((i + 1) % 3);
        before += i < rank ? share : 0;
        all += share;
    }
    return n * before / all;
}

/// Calls add(x, count) for each piece of an array that is in this rank's shard.
template <class Add>
void for_each_piece(const std::vector<npy::Array>& arrays, const World& world, Add add) {
    std::size_t n = 0;
    for (const npy::Array& array : arrays) {
        n += array.count();
    }
    const std::size_t begin = shard_begin(world.rank, world, n);
    const std::size_t end = shard_begin(world.rank + 1, world, n);
    std::size_t offset = 0;
    for (const npy::Array& array : arrays) {
        // Both as indices of this array.
        const std::size_t first = std::clamp(begin, offset, offset + array.count()) - offset;
        const std::size_t last = std::clamp(end, offset, offset + array.count()) - offset;
        if (array.dtype == "f4") {
            add(array.data<float>() + first, last - first);
        } else {
            add(array.data<double>() + first, last - first);
        }
        offset += array.count();
    }
}

/// The exact sums of all shards, which every rank gets.
l1l2::ExactSums exact_sums(const std::vector<npy::Array>& arrays, const World& world) {
    l1l2::ExactSums sums;
    for_each_piece(arrays, world, [&](const auto* x, std::size_t count) { sums.add(x, count); });
    MPI_Allreduce(MPI_IN_PLACE, sums.data(), static_cast<int>(sums.size()), MPI_INT64_T, MPI_SUM,
                  MPI_COMM_WORLD);
    // Every function checks the accumulator. A failure here means that MPI damaged it.
    const l1l2_status status = l1l2_exact_sums_check(sums.data());
    if (status != L1L2_OK) {
        throw l1l2::Error(status);
    }
    return sums;
}

/// The penalties of this rank's pieces and their sum, each rounded.
Part rounded_part(const l1l2::Regularizer& regularizer, const std::vector<npy::Array>& arrays,
                  const World& world) {
    Part part;
    for_each_piece(arrays, world, [&](const auto* x, std::size_t count) {
        part.penalty += regularizer(x, count);
        part.count += static_cast<std::int64_t>(count);
    });
    return part;
}

void print(const char* what, double value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    std::printf("%-30s %22.17g  %016" PRIx64 "\n", what, value, bits);
}

/// Prints each rank's part, by rank 0, and the sum of their penalties.
void print_parts(const Part& part, const World& world) {
    const auto ranks = static_cast<std::size_t>(world.size);
    std::vector<double> penalties(ranks);
    std::vector<std::int64_t> counts(ranks);
    MPI_Gather(&part.penalty, 1, MPI_DOUBLE, penalties.data(), 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    MPI_Gather(&part.count, 1, MPI_INT64_T, counts.data(), 1, MPI_INT64_T, 0, MPI_COMM_WORLD);
    double sum = 0.0;
    MPI_Reduce(&part.penalty, &sum, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    if (world.rank == 0) {
        for (std::size_t i = 0; i < ranks; ++i) {
            const std::string what =
                "rank " + std::to_string(i) + ", " + std::to_string(counts[i]) + " elements";
            print(what.c_str(), penalties[i]);
        }
        print("sum of the ranks' penalties", sum);
    }
}

double coefficient(const std::string& text) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || *end != '\0') {
        throw std::invalid_argument('"' + text + "\" is no coefficient");
    }
    return value;
}

void run(const World& world, const std::vector<std::string>& arguments) {
    const l1l2::Regularizer regularizer(coefficient(arguments[0]), coefficient(arguments[1]));
    // Here every rank reads everything; where weights are sharded each has its own already.
    std::vector<npy::Array> arrays;
    for (std::size_t i = 2; i < arguments.size(); ++i) {
        arrays.push_back(npy::read(arguments[i]));
    }
    print_parts(rounded_part(regularizer, arrays, world), world);
    const l1l2::ExactSums sums = exact_sums(arrays, world);
    if (world.rank == 0) {
        const std::string what = "exact, " + std::to_string(sums.count()) + " elements";
        print(what.c_str(), regularizer(sums));
    }
}

} // namespace

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    World world;
    MPI_Comm_rank(MPI_COMM_WORLD, &world.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world.size);
    try {
        if (argc < 4) {
            throw std::invalid_argument("usage: penalty_of_shards L1 L2 WEIGHTS.npy...");
        }
        run(world, {argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "penalty_of_shards: rank %d: %s\n", world.rank, error.what());
        // The others may be waiting for this one.
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    MPI_Finalize();
}
