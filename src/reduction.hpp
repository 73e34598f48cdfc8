/**
 * Which element meets which, in what order: blocks of kernels::block_elements, combined in a
 * pairwise tree over their index.
 */
#pragma once

#include "kernels/kernels.hpp"

#include <cstddef>

namespace l1l2::core {

enum class Dtype { float32, float64 };

constexpr std::size_t size_of(Dtype dtype) {
    return dtype == Dtype::float32 ? 4 : 8;
}

/**
 * The sums over n > kernels::block_elements elements at x.
 *
 * The tree: a node over 2^k < m <= 2^(k+1) blocks adds the sum of its first 2^k blocks to that of
 * the others. A block's lanes are folded within it, so that what the tree combines is two doubles:
 * a piece of work can then be handed to another thread, and the partial sums of 2^49 blocks, the
 * most there can be, fit on any stack.
 */
kernels::Sums reduce_blocks(kernels::BlockKernel kernel, std::size_t element_size, const char* x,
                            std::size_t n);

/// The sums over n elements at x, which may have any alignment.
inline kernels::Sums reduce(const kernels::KernelTable& table, Dtype dtype, kernels::Terms terms,
                            const void* x, std::size_t n) {
    const kernels::BlockKernel kernel =
        (dtype == Dtype::float32 ? table.float32 : table.float64)[static_cast<std::size_t>(terms)];
    if (n <= kernels::block_elements) {
        return kernel(x, n);
    }
    return reduce_blocks(kernel, size_of(dtype), static_cast<const char*>(x), n);
}

} // namespace l1l2::core
