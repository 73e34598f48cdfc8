// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/**
 * Clipping by a norm: elements times min(1, max_norm / norm).
 */
#pragma once

#include "operation.hpp"

namespace l1l2::core {

/// Norms that are finite and >= 0; -0.0 counts as 0.
struct Clip {
    double norm;
    double max_norm;

    bool is_valid() const;

    /// What is done to the elements of a type. Needs the default floating-point environment.
    Operation operation(const kernels::KernelTable& table, Dtype dtype) const;
};

} // namespace l1l2::core
