#include "reduction.hpp"

namespace l1l2::core {

using kernels::block_elements;
using kernels::BlockKernel;
using kernels::Sums;

/// More than log2 of the most blocks that fit an address space.
static constexpr std::size_t max_tree_depth = 64;

static Sums operator+(const Sums& a, const Sums& b) {
    return {a.absolute + b.absolute, a.square + b.square};
}

/// The tree, bottom up: subtree[i] holds the sum of as many blocks as the i-th highest set bit of
/// the number of blocks so far says, as the digits of a binary counter.
Sums reduce_blocks(BlockKernel kernel, std::size_t element_size, const char* x, std::size_t n) {
    Sums subtree[max_tree_depth];
    std::size_t subtrees = 0;
    for (std::size_t block = 0; n > 0; ++block) {
        const std::size_t elements = n < block_elements ? n : block_elements;
        Sums sums = kernel(x, elements);
        for (std::size_t carry = block; (carry & 1U) != 0; carry >>= 1U) {
            sums = subtree[--subtrees] + sums;
        }
        subtree[subtrees++] = sums;
        x += elements * element_size;
        n -= elements;
    }
    Sums sums = subtree[--subtrees];
    while (subtrees > 0) {
        sums = subtree[--subtrees] + sums;
    }
    return sums;
}

} // namespace l1l2::core
