#include "reduction.hpp"

#include <algorithm>

namespace l1l2::core {

using kernels::block_elements;

Sums reduce_blocks(const Operation& operation, const Arrays& arrays, std::size_t first,
                   std::size_t count) {
    const std::size_t element_size = size_of(arrays.dtype);
    const char* const x = static_cast<const char*>(arrays.x);
    char* const y = static_cast<char*>(arrays.y);
    if (operation.sums == nullptr) { // without an order to keep
        if (operation.writes()) {
            const std::size_t begin = first * block_elements;
            const std::size_t end = std::min(arrays.n, begin + count * block_elements);
            operation.write(x + begin * element_size, y + begin * element_size, end - begin);
        }
        return {0.0, 0.0};
    }
    return reduce_tree(count, [&](std::size_t i) {
        const std::size_t begin = (first + i) * block_elements;
        return operation.apply(x + begin * element_size,
                               operation.writes() ? y + begin * element_size : nullptr,
                               std::min(arrays.n - begin, block_elements));
    });
}

Sums reduce_blocks(kernels::BlockKernel kernel, const Arrays& arrays) {
    Operation operation;
    operation.sums = kernel;
    return reduce_blocks(operation, arrays, 0, count_blocks(arrays.n));
}

} // namespace l1l2::core
