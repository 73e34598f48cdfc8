// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// From layers with places to terms with elements.
#pragma once

#include "layers.hpp"
#include "weights.hpp"

#include <vector>

namespace l1l2::keras {

/// Reads the elements of each regularized variable. Throws LoadError if one does not fit.
std::vector<Term> terms_of(const Layer& model, const Weights& weights);

} // namespace l1l2::keras
