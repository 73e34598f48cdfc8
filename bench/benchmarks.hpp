/**
 * The groups of benchmarks, one file each.
 */
#pragma once

#include "job.hpp"

/// The penalty and each of its terms alone, for every size and every kernel of this CPU.
void add_penalties(const ElementType& type);

/// Gradient, gradient with penalty, prox in place and to another array, for every size.
void add_training(const ElementType& type);

/// Exact sums of several kinds of data, beside rounded ones and a superaccumulator; and the other
/// functions of accumulators.
void add_exact_sums();

/// Large float32 tensors on two threads.
void add_two_threads();

/// Many small float32 tensors in one call.
void add_lists();

/// Columns of row-major float32 matrices.
void add_columns();

/// Calls for no and for 16 float32 elements, beside a call that does nothing.
void add_small_calls();
