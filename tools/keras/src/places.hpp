// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Where the variables of an architecture are in a file of weights.
#pragma once

#include "layers.hpp"
#include "weights.hpp"

namespace l1l2::keras {

/// Sets `group` and `stored_as` of each variable that has a regularizer. Throws LoadError if the
/// file has not the arrays that the architecture says, or if one of several could be meant.
void find_places(Layer& model, const Weights& weights);

} // namespace l1l2::keras
