/**
 * The limits that memory sets: loops that move the same bytes as an operation and do next to
 * nothing with them. Which one is the fastest depends on the CPU and on where the data are; the
 * best one is the limit. Compiled for the machine at hand.
 */
#pragma once

#include <cstddef>
#include <vector>

namespace roofs {

/// Takes `bytes` bytes of each array. What it returns only keeps the compiler from leaving work
/// out.
struct Loop {
    const char* name;
    double (*run)(const void* x, void* y, std::size_t bytes);
};

/// Reads x.
const std::vector<Loop>& read();

/// Reads x, reads and writes y, which stays as it is.
const std::vector<Loop>& read_and_update();

/// The same, and reads steps, for each byte of x `step_bytes` bytes.
struct SteppedLoop {
    const char* name;
    double (*run)(const void* x, const void* steps, std::size_t step_bytes, void* y,
                  std::size_t bytes);
};
const std::vector<SteppedLoop>& read_steps_and_update();

/// Reads and writes y, which stays as it is.
const std::vector<Loop>& update();

/// Copies x to y.
const std::vector<Loop>& copy();

/// Reads 4 bytes at each of n places, `stride` bytes apart.
struct StridedLoop {
    const char* name;
    double (*run)(const void* x, std::size_t stride, std::size_t n);
};
const std::vector<StridedLoop>& strided();

} // namespace roofs
