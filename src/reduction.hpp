// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * The order of additions between blocks of kernels::block_elements: their sums are added in a
 * pairwise tree. kernels/kernels.hpp and kernels/lane_order.hpp fix the order within a block.
 */
#pragma once

#include "operation.hpp"

#include <cstddef>

namespace l1l2::core {

inline Sums operator+(const Sums& a, const Sums& b) {
    return {a.absolute + b.absolute, a.square + b.square};
}

constexpr std::size_t count_blocks(std::size_t n) {
    return n / kernels::block_elements + (n % kernels::block_elements != 0 ? 1 : 0);
}

/**
 * The sum of leaf(0), ..., leaf(count - 1), which are called in this order; count > 0.
 *
 * The tree: a node over 2^k < m <= 2^(k+1) leaves adds the sum of its first 2^k leaves to that of
 * the others. So the sums over runs of 2^j leaves are leaves of the same tree, whoever computes
 * them. It is built bottom up, like a binary counter: subtree[i] belongs to the i-th highest set
 * bit of the number of leaves so far, and sums as many leaves as that bit is worth.
 */
template <class Leaf>
Sums reduce_tree(std::size_t count, Leaf&& leaf) {
    constexpr std::size_t max_depth = 64; // more than log2 of the most blocks of an address space
    Sums subtree[max_depth];
    std::size_t subtrees = 0;
    for (std::size_t i = 0; i < count; ++i) {
        Sums sums = leaf(i);
        for (std::size_t carry = i; (carry & 1U) != 0; carry >>= 1U) {
            sums = subtree[--subtrees] + sums;
        }
        subtree[subtrees++] = sums;
    }
    Sums sums = subtree[--subtrees];
    while (subtrees > 0) {
        sums = subtree[--subtrees] + sums;
    }
    return sums;
}

/// Applies an operation to blocks first .. first + count - 1 of the arrays, count > 0, and returns
/// their sums. bytes is what the whole call reads and writes, if that is more than the arrays.
Sums apply_blocks(const Operation& operation, const Arrays& arrays, std::size_t first,
                  std::size_t count, std::size_t bytes);

/// Applies an operation to all elements and returns their sums.
inline Sums apply(const Operation& operation, const Arrays& arrays, std::size_t bytes = 0) {
    if (arrays.n <= kernels::block_elements) {
        return operation.apply(arrays);
    }
    // Copies: what has an address would be written to memory for small arrays, too.
    return apply_blocks(Operation(operation), Arrays(arrays), 0, count_blocks(arrays.n), bytes);
}

} // namespace l1l2::core
