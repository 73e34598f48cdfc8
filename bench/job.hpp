/**
 * What is measured: one call of an operation on arrays of one element type.
 */
#pragma once

#include "l1l2.h"

#include <cstddef>

/// What a call works on. The library and its peers are all given the same.
struct Job {
    const l1l2_regularizer* regularizer; ///< of l1 and l2, for the library
    double l1;
    double l2;
    l1l2_dtype dtype;
    const void* x;
    std::size_t n;
    void* y; ///< the gradient that is added to, or where the prox goes; may be x for the prox
    /// Of the gradient: 1 and -1 in turns, so that what is added to does not grow with the number
    /// of calls. A run with an odd number of them leaves one gradient there.
    double scale;
    const void* steps = nullptr; ///< of the arithmetic type, for a step of each element
};

/// The step of every prox: so small that a million of them in place change an element by some
/// 1e-8 at most, and not 0, so that each is computed in full.
constexpr double prox_step = 1e-12;

/// Of every clip: the factor 1 / (1 + 1e-12) is below 1, but changes nothing.
constexpr double clipped_norm = 1.0 + 1e-12;
constexpr double max_norm = 1.0;

struct ElementType {
    l1l2_dtype dtype;
    const char* name;
    std::size_t bytes;
};
constexpr ElementType element_types[] = {{L1L2_FLOAT32, "float32", 4},
                                         {L1L2_FLOAT64, "float64", 8},
                                         {L1L2_FLOAT16, "float16", 2},
                                         {L1L2_BFLOAT16, "bfloat16", 2}};

/// The size of a step of an element, which is of the arithmetic type.
constexpr std::size_t step_bytes(const ElementType& type) {
    return type.dtype == L1L2_FLOAT64 ? 8 : 4;
}
