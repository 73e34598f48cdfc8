// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// Comparison with Keras's own figures.
#pragma once

#include "report.hpp"

#include <string>

namespace program {

/// How far a penalty is from Keras's, which as a rule is a float32.
double relative_difference(double penalty, double keras);

/// Reads {"total": T, "regularized": [{"layer": L, "variable": V, "penalty": P}, ...]} into a
/// report. Throws l1l2::keras::LoadError.
void read_losses(const std::string& path, Report& report);

/// Whether every figure that was given agrees to a millionth, and there is one for each counted
/// term.
bool agrees(const Report& report);

} // namespace program
