/**
 * The groups of benchmarks, one file each.
 */
#pragma once

#include "job.hpp"

/// The penalty and each of its terms alone, for every size and every kernel of this CPU.
void add_penalties(const ElementType& type);

/// Exact sums over data of several kinds, for every kernel, beside other ways to be exact.
void add_exact_sums(const ElementType& type);

/// Gradient, gradient with penalty, prox in place and to another array, for every size.
void add_training(const ElementType& type);

/// Large float32 tensors on two threads.
void add_two_threads();

/// Many small float32 tensors in one call.
void add_lists();

/// Columns of row-major float32 matrices.
void add_columns();
