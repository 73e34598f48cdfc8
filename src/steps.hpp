// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Whether the steps of elements can be taken, which must be known before anything is written.
 */
#pragma once

#include "runs.hpp"
#include "tensor.hpp"
#include "terms.hpp"

#include <cstddef>
#include <optional>

namespace l1l2::core {

/// Whether a step that is accepted can be multiplied by all steps of the arrays, if there are any.
/// Needs the default floating-point environment.
bool accepts_all_steps(const kernels::KernelTable& table, const Regularizer& regularizer,
                       double step, const Arrays& arrays);

/// The same for steps that are a tensor, unless that is NULL.
bool accepts_all_steps(const kernels::KernelTable& table, const Regularizer& regularizer,
                       double step, Dtype dtype, const Tensor* steps);

/// The index of the first of `count` terms of which that is not so, or count; nothing if the runner
/// failed. Sets the floating-point environment itself.
std::optional<std::size_t> first_refused_steps(const kernels::KernelTable& table,
                                               const TermSource& terms, std::size_t count,
                                               double step, const Runner& runner);

} // namespace l1l2::core
