/**
 * Test data, and the sums of one table of kernels.
 */
#pragma once

#include "kernels/dispatch.hpp"
#include "narrow.hpp"
#include "reduction.hpp"
#include "regularizer.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

/// -1001/1024 .. 1001/1024 with a prime period, so that swapped elements, rows or blocks show.
/// Exact in float32; tests/golden uses the same numbers.
template <class T>
T ramp(std::size_t i) {
    const auto step = static_cast<std::int64_t>((i * 7919 + 13) % 2003) - 1001;
    return static_cast<T>(static_cast<double>(step) / 1024.0);
}

template <class T>
std::vector<T> ramp_vector(std::size_t n) {
    std::vector<T> x(n);
    for (std::size_t i = 0; i < n; ++i) {
        x[i] = ramp<T>(i);
    }
    return x;
}

/// The constants of the C API have the order of the core's, from 1 on.
template <class T>
constexpr l1l2::kernels::Dtype core_dtype = static_cast<l1l2::kernels::Dtype>(Format<T>::dtype - 1);

/// The sums over n elements at x, with the kernels of one table.
inline l1l2::kernels::Sums sums_of(const l1l2::kernels::KernelTable& table,
                                   l1l2::kernels::Dtype dtype, l1l2::kernels::WantedSums wanted,
                                   const void* x, std::size_t n) {
    const l1l2::core::Operation::Sum sum = {
        table.sums[static_cast<std::size_t>(dtype)][static_cast<std::size_t>(wanted)]};
    return apply(l1l2::core::Operation(sum), {dtype, x, nullptr, n});
}

/// The penalty of n elements at x, with the kernels of one table.
inline double penalty_of(const l1l2::core::Regularizer& regularizer,
                         const l1l2::kernels::KernelTable& table, l1l2::kernels::Dtype dtype,
                         const void* x, std::size_t n) {
    return regularizer.penalty(apply(regularizer.sum(table, dtype), {dtype, x, nullptr, n}));
}

constexpr l1l2::kernels::WantedSums all_wanted_sums[] = {l1l2::kernels::WantedSums::absolute,
                                                         l1l2::kernels::WantedSums::square,
                                                         l1l2::kernels::WantedSums::both};
