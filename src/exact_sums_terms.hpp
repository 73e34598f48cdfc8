// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Exact sums of many tensors in one call, split over the caller's threads.
 */
#pragma once

#include "exact_sums.hpp"
#include "terms.hpp"

namespace l1l2::core {

/// Adds to the number of elements those of all terms, before they are added.
SumsFault count_terms(ExactSums& sums, const TermSource& terms);

/**
 * Adds the elements of all terms, which must have been counted.
 *
 * runner  its run is NULL if the calling thread does all.
 *
 * Returns false if the runner failed: then some elements may have been added. Sets the
 * floating-point environment itself where it computes.
 */
bool add_terms(ExactSums& sums, const kernels::KernelTable& table, const TermSource& terms,
               Runner runner);

} // namespace l1l2::core
