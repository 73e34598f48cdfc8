/**
 * What the library is measured against: the limit that memory sets, and what a user would otherwise
 * write or call. Compiled for the machine at hand.
 */
#pragma once

#include <cstddef>
#include <vector>

namespace peers {

/// Loops that read every byte and do next to nothing with it. Which one is the fastest depends on
/// the CPU and on where the data are; the best one is the limit.
struct ReadLoop {
    const char* name;
    double (*read)(const void* x, std::size_t bytes);
};
const std::vector<ReadLoop>& read_loops();

/// l1 * sum|x| + l2 * sum x^2 the way another one computes it. A term with a zero coefficient is
/// left out.
template <class T>
struct Peer {
    const char* name;
    double (*penalty)(const T* x, std::size_t n, T l1, T l2);
};
template <class T>
const std::vector<Peer<T>>& all();

} // namespace peers
