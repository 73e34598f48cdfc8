/**
 * Exact sums, added up in many ways.
 */
#pragma once

#include "ways.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bits {

using Sums = std::array<std::int64_t, L1L2_EXACT_SUMS_LENGTH>;

/// Adds accumulators as an all-reduce does.
inline void add_numbers(Sums& sums, const Sums& others) {
    for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] += others[i];
    }
}

/// The hashes of everything that can be read from accumulators; norms have their own.
struct SumsHashes {
    Hash sums;
    Hash norms;

    void compare(Golden& golden, const Case& c, const std::string& way) const {
        golden.compare(c, "exact_sums", sums, way);
        golden.compare(c, "norm", norms, way);
    }
};

inline void add_results(Golden& golden, SumsHashes& hashes, const Case& c, const Sums& sums,
                        const std::string& way) {
    Hash& hash = hashes.sums;
    Sums canonical = {};
    golden.expect_ok(l1l2_exact_sums_merge(canonical.data(), sums.data()), way);
    for (const std::int64_t number : canonical) {
        hash.add(static_cast<std::uint64_t>(number));
    }
    double absolute = -1.0;
    double square = -1.0;
    std::int64_t count = -1;
    golden.expect_ok(l1l2_exact_sums_read(sums.data(), &absolute, &square, &count), way);
    hash.add(absolute);
    hash.add(square);
    hash.add(static_cast<std::uint64_t>(count));
    for (const Handle& handle : c.handles) {
        double penalty = -1.0;
        golden.expect_ok(l1l2_penalty_exact_sums(handle.get(), sums.data(), &penalty), way);
        hash.add(penalty);
    }
    double norm = -1.0;
    golden.expect_ok(l1l2_exact_sums_norm(sums.data(), &norm), way);
    hashes.norms.add(norm);
}

/// Arrays of all sizes, each cut into shares with an accumulator of its own.
struct Shared {
    const Case* c;
    std::vector<const unsigned char*> arrays;
    std::size_t shares;
    std::vector<Sums> sums; ///< of each share of each array
    std::vector<l1l2_status> statuses;
};

/// The task of a share, for a runner.
inline void add_share(void* work, std::size_t index) {
    Shared& shared = *static_cast<Shared*>(work);
    const std::size_t share = index % shared.shares;
    const std::size_t array = index / shared.shares;
    const std::size_t n = shared.c->sizes.n[array];
    const std::size_t first = n * share / shared.shares;
    const std::size_t last = n * (share + 1) / shared.shares;
    shared.statuses[index] =
        l1l2_exact_sums_add(shared.sums[index].data(), shared.c->format.dtype,
                            shared.arrays[array] + first * shared.c->element_size(), last - first);
}

enum class Addition { merged, as_numbers };

/// One call for each share, on so many threads; 0 means the calling one.
inline void check_exact_sums(Golden& golden, const Case& c, std::size_t shares, std::size_t threads,
                             Addition addition) {
    const std::string way = "exact sums of " + std::to_string(shares) + " shares on " +
                            std::to_string(threads) + " threads" +
                            (addition == Addition::merged ? ", merged" : ", added as numbers");
    Shared shared = {};
    shared.c = &c;
    shared.shares = shares;
    std::size_t size = 0;
    for (const std::size_t n : c.sizes.n) {
        size += n * c.element_size() + 1; // the next one is at an odd address
    }
    Memory memory;
    unsigned char* x = memory.fresh(size, 0);
    for (const std::size_t n : c.sizes.n) {
        c.copy_x(x, n, contiguous(n));
        shared.arrays.push_back(x);
        x += n * c.element_size() + 1;
    }
    const std::size_t tasks = shared.arrays.size() * shares;
    shared.sums.assign(tasks, Sums{});
    shared.statuses.assign(tasks, -1);
    if (threads > 0) {
        run_on_threads(&threads, add_share, &shared, tasks);
    } else {
        for (std::size_t i = 0; i < tasks; ++i) {
            add_share(&shared, i);
        }
    }
    SumsHashes hashes;
    for (std::size_t array = 0; array < shared.arrays.size(); ++array) {
        Sums total = {};
        for (std::size_t i = (array + 1) * shares; i-- > array * shares;) {
            golden.expect_ok(shared.statuses[i], way);
            if (addition == Addition::as_numbers) {
                add_numbers(total, shared.sums[i]);
            } else {
                golden.expect_ok(l1l2_exact_sums_merge(total.data(), shared.sums[i].data()), way);
            }
        }
        add_results(golden, hashes, c, total, way);
    }
    hashes.compare(golden, c, way);
}

inline void check_exact_tensors(Golden& golden, const Case& c, View view) {
    const std::string way =
        std::string("exact sums of ") + view_names[static_cast<int>(view)] + " tensors";
    Memory memory;
    SumsHashes hashes;
    for (const std::size_t n : c.sizes.n) {
        Layout at = layouts(view, c, n).x;
        unsigned char* const x = memory.fresh(at.extent() * c.element_size(), 1);
        c.copy_x(x, n, at.place);
        const DLTensor tensor = at.tensor(c.format, x);
        Sums sums = {};
        golden.expect_ok(l1l2_exact_sums_add_dlpack(sums.data(), &tensor), way);
        add_results(golden, hashes, c, sums, way);
    }
    hashes.compare(golden, c, way);
}

inline void check_all_exact_sums(Golden& golden, const Case& c) {
    check_exact_sums(golden, c, 1, 0, Addition::merged);
    check_exact_sums(golden, c, 5, 0, Addition::as_numbers);
    check_exact_sums(golden, c, 2, 2, Addition::as_numbers);
    check_exact_sums(golden, c, 7, 3, Addition::merged);
    check_exact_tensors(golden, c, View::transposed);
    check_exact_tensors(golden, c, View::flipped);
    check_exact_tensors(golden, c, View::strided);
    if (c.kind == Kind::repeated) check_exact_tensors(golden, c, View::broadcast);
}

} // namespace bits
