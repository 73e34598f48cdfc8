// SPDX-FileCopyrightText: 2026 The l1l2 authors
// SPDX-License-Identifier: Apache-2.0
/// The drawing of l1l2-keras.
#pragma once

#include "report.hpp"

#include <string>

namespace program {

/// An SVG: for each counted term its share of the total as a bar, and a histogram of log10 |x|,
/// with exact zeros apart.
std::string plot(const Report& report, const std::string& title);

} // namespace program
