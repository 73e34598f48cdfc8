/**
 * What a user would otherwise write or call. Compiled for the machine at hand.
 */
#pragma once

#include "job.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace peers {

/// The operations the way another one computes them; NULL is one that it has not. Penalties are
/// returned, a term with a zero coefficient being left out. All but `penalty` are only asked with
/// both coefficients.
struct Peer {
    const char* name;
    double (*penalty)(const Job& job);
    double (*gradient)(const Job& job); ///< adds it to y
    double (*fused)(const Job& job);    ///< adds it to y and returns the penalty
    double (*prox)(const Job& job);     ///< from x to y
    /// The prox of y - prox_step * x to y, in two passes, where x is the gradient.
    double (*step)(const Job& job) = nullptr;
    std::size_t largest = SIZE_MAX; ///< the most elements that it is asked for
};

/// All that there are for an element type.
std::vector<Peer> all(l1l2_dtype dtype);

// One file each; none if the benchmark is built without it.
std::vector<Peer> eigen(l1l2_dtype dtype);
std::vector<Peer> openblas(l1l2_dtype dtype);
std::vector<Peer> plain_loops(l1l2_dtype dtype);

} // namespace peers
